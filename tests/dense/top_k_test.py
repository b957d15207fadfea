import functools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.dense.top_k import best_rows, cut

N, R = 23, 3


def reference(requests, items, hidden, k):
  """A stable sort of whole rows of scores."""
  scores = requests @ items.T
  for row, gone in zip(scores, hidden):
    row[gone[gone >= 0]] = -np.inf
  rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
  best = np.take_along_axis(scores, rows, axis=1)
  return best, np.where(best > -np.inf, rows, -1)


@given(st.integers(0, 1000), st.sampled_from([4, 8, 23]))
def test_blocks_find_what_a_sort_of_everything_finds(seed, block):
  rng = np.random.default_rng(seed)
  # Small integers: products are exact and many are equal.
  requests = rng.integers(-2, 3, (R, 3)).astype(np.float32)
  items = rng.integers(-2, 3, (N, 3)).astype(np.float32)
  hidden = rng.integers(-1, N, (R, 4)).astype(np.int32)
  found = best_rows(requests, cut(items, block=block), hidden, k=10)
  scores, rows = reference(requests, items, hidden, 10)
  np.testing.assert_array_equal(found.rows, rows)
  np.testing.assert_array_equal(found.scores, scores)


def test_a_catalogue_that_runs_out_says_so():
  items = np.eye(3, dtype=np.float32)
  hidden = np.array([[1, 1]], np.int32)
  found = best_rows(items[:1], cut(items, block=2), hidden, k=5)
  assert found.rows.tolist() == [[0, 2, -1, -1, -1]]


@pytest.mark.parametrize("select", [
  jax.lax.top_k,
  functools.partial(jax.lax.approx_max_k, recall_target=0.95),
])  # fmt: skip
def test_the_way_to_select_is_an_argument(select):
  rng = np.random.default_rng(0)
  items = rng.normal(size=(N, 4)).astype(np.float32)
  requests = rng.normal(size=(R, 4)).astype(np.float32)
  hidden = np.full((R, 1), -1, np.int32)
  found = best_rows(requests, cut(items, block=8), hidden, k=5, select=select)
  # Off a TPU the approximate one is exact as well.
  np.testing.assert_array_equal(
    found.rows, reference(requests, items, hidden, 5)[1]
  )
