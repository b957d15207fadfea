import chex
import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest

from gr_jax.decoding.trie import build_trie, find_rows
from tests.reference.random_ids import random_ids

SIZES = (4, 3, 5)
SEEDS = st.integers(0, 2**32 - 1)


def random_table(seed, *, has_ends, count=40, sizes=SIZES):
  rng = np.random.default_rng(seed)
  return random_ids(rng, sizes, count, has_ends=has_ends)


def read_back(trie):
  """The table of IDs, walked from the root in numpy."""
  prefixes = [[()]]
  for offsets, codes, size in zip(
    trie.offsets, trie.codes, trie.level_sizes, strict=True
  ):
    offsets, codes = np.asarray(offsets), np.asarray(codes).astype(int)
    prefixes.append(
      [
        (*prefix, -1 if codes[child] == size else int(codes[child]))
        for node, prefix in enumerate(prefixes[-1])
        for child in range(offsets[node], offsets[node + 1])
      ]
    )
  return prefixes


@hypothesis.given(SEEDS, st.booleans(), st.sampled_from([None, 50]))
def test_leaves_in_order_are_the_table(seed, has_ends, capacity):
  ids = random_table(seed, has_ends=has_ends)
  trie = build_trie(ids, SIZES, capacity=capacity)
  assert read_back(trie)[-1] == [tuple(row) for row in ids.tolist()]
  assert trie.num_ids == len(ids)
  assert trie.capacity == (capacity or len(ids))
  assert trie.has_ends == has_ends


@hypothesis.given(SEEDS, st.booleans())
def test_rows_below_a_node_are_its_range(seed, has_ends):
  ids = random_table(seed, has_ends=has_ends)
  trie = build_trie(ids, SIZES, capacity=50)
  for depth, prefixes in enumerate(read_back(trie)):
    bounds = trie.first_rows(depth, np.arange(len(prefixes) + 1))
    below = [np.all(ids[:, :depth] == p, axis=1).sum() for p in prefixes]
    np.testing.assert_array_equal(bounds, np.cumsum([0, *below]))


@hypothesis.given(SEEDS, st.booleans())
def test_no_node_has_more_children_than_its_level_branches(seed, has_ends):
  trie = build_trie(random_table(seed, has_ends=has_ends), SIZES)
  for level, branch in enumerate(trie.branches):
    most = np.diff(trie.offsets[level]).max()
    assert most <= branch < 2 * max(most, 1)


@hypothesis.given(SEEDS, st.booleans())
@hypothesis.settings(max_examples=10)
def test_find_rows_is_a_lookup_in_the_table(seed, has_ends):
  ids = random_table(seed, has_ends=has_ends)
  trie = build_trie(ids, SIZES, capacity=50, branches=(4, 4, 6))
  row_of = {tuple(row): i for i, row in enumerate(ids.tolist())}
  other = random_table(seed + 1, has_ends=True, count=60)
  other = np.resize(np.concatenate([ids, other]), (100, 3))
  expected = [row_of.get(tuple(row), -1) for row in other.tolist()]
  np.testing.assert_array_equal(jax.jit(find_rows)(trie, other), expected)


def test_a_new_catalogue_of_the_same_capacity_keeps_every_shape():
  old = build_trie(random_table(0, has_ends=True), SIZES, capacity=50)
  new = build_trie(
    random_table(1, has_ends=True, count=7),
    SIZES,
    capacity=50,
    branches=old.branches,
  )
  assert jax.tree.structure(old) == jax.tree.structure(new)
  chex.assert_trees_all_equal_shapes_and_dtypes(old, new)


def test_a_node_that_outgrows_the_old_branches_is_kept_whole():
  small = build_trie(np.array([[0, 0], [1, 0]]), (2, 8))
  large = build_trie(
    np.stack([np.zeros(8, int), np.arange(8)], axis=1),
    (2, 8),
    branches=small.branches,
  )
  assert (small.branches, large.branches) == ((2, 1), (2, 8))


def test_a_code_takes_the_smallest_type_that_holds_its_level():
  def type_of(top, size):
    return build_trie(np.array([[0], [top]]), (size,)).codes[0].dtype

  assert (type_of(255, 256), type_of(256, 257)) == (np.uint8, np.uint16)
  # END is one code more than the level has.
  ends = build_trie(np.array([[0, -1], [0, 0]]), (256, 256))
  assert [codes.dtype for codes in ends.codes] == [np.uint8, np.uint16]


def test_bytes_per_id_counts_offsets_and_codes():
  trie = build_trie(np.array([[0, 0], [0, 1], [1, 0]]), (4, 4))
  offsets, codes = 4 * ((1 + 1) + (2 + 1)), 2 + 3
  assert trie.bytes_per_id == (offsets + codes) / 3


@pytest.mark.parametrize(
  ("ids", "options", "message"),
  [
    ([[1, 0], [0, 0]], {}, "rows 0 and 1 are out of order at level 0"),
    ([[0, 1], [0, 0]], {}, "rows 0 and 1 are out of order at level 1"),
    ([[0, 0], [1, 1], [1, 1]], {}, "rows 1 and 2 are the same"),
    ([[0, 4]], {}, r"level 1 must be 0..3, or -1 after an early end; got 4..4"),
    ([[-1, 0]], {}, r"level 0 must be 0..3; got -1..-1"),
    ([[0, 0], [1, 0]], {"capacity": 1}, "do not fit a capacity of 1"),
    ([[0, 0, 0]], {}, r"must be \[R, 2\]"),
    (np.zeros((0, 2), int), {}, "at least one row"),
  ],
)
def test_a_wrong_table_is_refused_with_its_row(ids, options, message):
  with pytest.raises(ValueError, match=message):
    build_trie(np.array(ids), (4, 4), **options)


def test_an_id_that_goes_on_after_its_end_is_refused():
  with pytest.raises(ValueError, match=r"row 1.*goes on after its end"):
    build_trie(np.array([[0, 0, 0], [1, -1, 0]]), (4, 4, 4))


@pytest.mark.parametrize(
  ("ids", "said"),
  [
    ([[0, 0], [1, 3]], "level 1 must be 0..2, or -1 .*; got 0..3"),
    ([[0, -2], [1, 2]], "level 1 must be 0..2, or -1 .*; got -2..2"),
    ([[-1, 0], [1, 2]], "level 0 must be 0..1; got -1..1"),
  ],
)
def test_one_code_out_of_range_among_others_is_refused(ids, said):
  with pytest.raises(ValueError, match=said):
    build_trie(np.array(ids), (2, 3))
