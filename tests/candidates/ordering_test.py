import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.candidates.ordering import (
  best_first,
  largest_first,
  places_in_runs,
  run_sizes,
  stable_sort,
  starts_of,
)

# Numbers that fit beside their places in 63 bits, and some that do not.
LARGEST = 50, 2**62


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(LARGEST))
def test_a_sort_is_stable(data, largest):
  keys = data.draw(st.lists(st.integers(0, largest), max_size=40))
  keys = np.array(keys, np.int64)
  found, order = stable_sort(keys)
  np.testing.assert_array_equal(order, np.argsort(keys, kind="stable"))
  np.testing.assert_array_equal(found, keys[order])


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(LARGEST))
def test_the_largest_scores_of_an_owner_come_first(data, largest):
  size = data.draw(st.integers(0, 40))
  drawn = data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
  owners = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
  owners = np.array(owners, np.int64) * (largest // 3)
  scores = np.array(drawn) / 2
  scores[scores == 0] *= -1  # Zeros of both signs are one.
  np.testing.assert_array_equal(
    best_first(owners, scores), np.lexsort((-scores, owners))
  )


@pytest.mark.parametrize("size", [3, 383, 384, 1000])
@pytest.mark.parametrize("values", [1, 2, 50, 10**6])
def test_the_largest_of_many_columns_are_those_of_a_stable_sort(size, values):
  """In few columns and in many, with ties and where all are level."""
  rng = np.random.default_rng(size)
  scores = rng.integers(0, values, (5, size)).astype(np.float32) - 1
  np.testing.assert_array_equal(
    largest_first(scores, 3),
    np.argsort(-scores, axis=1, kind="stable")[:, :3],
  )
  assert largest_first(scores[:0], 3).shape == (0, 3)


@pytest.mark.parametrize(
  ("ordered", "expected"),
  [([], []), ([4], [0]), ([1, 1, 3, 3, 3], [0, 1, 0, 1, 2])],
)
def test_places_count_from_the_first_of_a_run(ordered, expected):
  ordered = np.array(ordered, np.int64)
  np.testing.assert_array_equal(places_in_runs(ordered), expected)


@pytest.mark.parametrize(
  ("ordered", "expected"), [([], []), ([4], [1]), ([1, 1, 3, 3, 3], [2, 3])]
)
def test_runs_end_where_the_next_begins(ordered, expected):
  ordered = np.array(ordered, np.int64)
  found = run_sizes(starts_of(ordered), len(ordered))
  np.testing.assert_array_equal(found, expected)
