import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np

from gr_jax.decoding.trie import trie_arrays
from gr_jax.decoding.trie_edits import insert_rows, locate, remove_rows
from tests.reference.random_ids import random_ids

SIZES = (3, 4, 5)
SEEDS = st.integers(0, 2**32 - 1)


def build(table):
  return trie_arrays(
    table, SIZES, capacity=50, branches=(9, 9, 9), has_ends=True
  )


def split(seed):
  """A table and which of its rows are half of it, never none or all."""
  rng = np.random.default_rng(seed)
  table = random_ids(rng, SIZES, 40, has_ends=True)
  kept = rng.random(len(table)) < 0.5
  kept[0] = True
  kept[-1] = False
  return table, kept


def assert_same(left, right):
  for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
    np.testing.assert_array_equal(a, b)
    assert a.dtype == b.dtype


@hypothesis.given(SEEDS)
def test_a_place_is_the_number_of_prefixes_before(seed):
  table, kept = split(seed)
  places = locate(build(table[kept]), table)
  for depth in range(1, len(SIZES) + 1):
    prefixes = [tuple(row[:depth]) for row in table.tolist()]
    known = {p for p, keep in zip(prefixes, kept) if keep}
    before = [sum(other < p for other in known) for p in prefixes]
    np.testing.assert_array_equal(places.nodes[depth - 1], before)
    there = [p in known for p in prefixes]
    np.testing.assert_array_equal(places.there[depth - 1], there)


@hypothesis.given(SEEDS)
def test_rows_put_in_give_the_trie_of_all_rows(seed):
  table, kept = split(seed)
  trie, new = build(table[kept]), table[~kept]
  assert_same(insert_rows(trie, new, locate(trie, new)), build(table))


@hypothesis.given(SEEDS)
def test_rows_taken_out_give_the_trie_of_the_others(seed):
  table, kept = split(seed)
  left = remove_rows(build(table), np.flatnonzero(~kept))
  assert_same(left, build(table[kept]))


@hypothesis.given(SEEDS)
def test_a_trie_without_rows_takes_all_of_them(seed):
  table, _ = split(seed)
  empty = remove_rows(build(table), np.arange(len(table)))
  assert empty.num_ids == 0
  assert_same(insert_rows(empty, table, locate(empty, table)), build(table))
