import itertools

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.filters import (
  live_children,
  make_filters,
  make_row_mask,
  pack_rows,
)
from gr_jax.decoding.trie import build_trie


@hypothesis.given(st.integers(0, 2**32 - 1), st.sampled_from([1, 32, 95]))
@hypothesis.settings(max_examples=9)
def test_rank_is_the_number_of_rows_before(seed, length):
  mask = np.random.default_rng(seed).random((2, length)) < 0.6
  rows = np.tile(np.arange(length + 1), (2, 1))
  rank = jax.jit(lambda m, r: make_row_mask(m).rank(r))
  expected = np.pad(np.cumsum(mask, axis=1), ((0, 0), (1, 0)))
  np.testing.assert_array_equal(rank(mask, rows), expected)
  np.testing.assert_array_equal(rank(mask[0], rows), expected[[0, 0]])


@hypothesis.given(st.integers(0, 2**32 - 1), st.sampled_from([1, 32, 95]))
@hypothesis.settings(max_examples=9)
def test_the_host_packs_as_the_device_does(seed, length):
  mask = np.random.default_rng(seed).random((2, length)) < 0.6
  for each in (mask, mask[0]):
    chex.assert_trees_all_equal(pack_rows(each), make_row_mask(each))


def test_only_the_first_of_equal_allowed_rows_counts():
  trie = build_trie(np.arange(5)[:, None], (5,))
  filters = make_filters(
    trie,
    jnp.array([[3, -1, 3, 1, 0, 1]]),
    jnp.array([True, True, True, False, True]),
  )
  np.testing.assert_array_equal(filters.excluded, [[-1, 0, 1, 1, 3, 3]])
  np.testing.assert_array_equal(filters.weights[:, 1:], [[1, 1, 0, 0, 0]])


def test_filters_of_the_wrong_shape_are_refused():
  trie = build_trie(np.arange(5)[:, None], (5,), capacity=8)
  with pytest.raises(ValueError, match=r"must be \[8\] or \[B, 8\]"):
    make_filters(trie, None, jnp.ones(5, bool))
  with pytest.raises(ValueError, match=r"has 2 words; .* 8 rows needs 1"):
    make_filters(trie, None, pack_rows(np.ones(40, bool)))
  with pytest.raises(ValueError, match=r"must be \[B, E\]; got \(3,\)"):
    make_filters(trie, jnp.zeros(3, jnp.int32), None)


@hypothesis.given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_child_lives_while_a_row_below_it_survives(seed, some_allowed):
  """Against sets of rows; the bounds of children are often excluded rows."""
  rng = np.random.default_rng(seed)
  trie = build_trie(np.arange(24)[:, None], (24,))
  # Two beams: the rows from 2 to 11 and from 13 to 22, four children each.
  inner = [np.sort(rng.integers(low, low + 10, 3)) for low in (2, 13)]
  rows = np.array([[2, *inner[0], 11], [13, *inner[1], 22]], np.int32)
  excluded = rng.choice(np.append(rows.ravel(), np.arange(-1, 24)), 14)
  allowed = rng.random(24) < 0.7 if some_allowed else np.ones(24, bool)
  filters = make_filters(
    trie,
    jnp.asarray(excluded[None].astype(np.int32)),
    jnp.asarray(allowed) if some_allowed else None,
  )
  left = set(np.flatnonzero(allowed).tolist()) - set(excluded.tolist())
  expected = [
    [bool(left & set(range(a, b))) for a, b in itertools.pairwise(beam)]
    for beam in rows.tolist()
  ]
  found = jax.jit(live_children)(filters, rows[None])
  np.testing.assert_array_equal(found[0], expected)
