import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import semantic_ids, suffix

SEEDS = st.integers(0, 2**31 - 1)
SIZES = (3, 4)


def draw(seed, rows=40):
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)
  return codes, rng.integers(0, 5, rows)


@given(SEEDS)
def test_a_suffix_makes_every_id_unique_and_keeps_the_prefix(seed):
  codes, priority = draw(seed)
  ids = suffix.add_suffix(codes, SIZES, priority=priority)
  assert ids.num_ids == len(codes)
  np.testing.assert_array_equal(ids.codes[:, :2], codes)


@given(SEEDS)
def test_suffixes_count_up_as_priority_goes_down(seed):
  codes, priority = draw(seed)
  ids = suffix.add_suffix(codes, SIZES, priority=priority)
  for prefix in np.unique(codes, axis=0):
    rows = np.flatnonzero((codes == prefix).all(axis=1))
    order = sorted(rows, key=lambda row: (-priority[row], row))
    np.testing.assert_array_equal(ids.codes[order, 2], np.arange(len(rows)))


@given(SEEDS, st.integers(1, 39))
def test_appended_items_take_free_numbers_and_move_nobody(seed, cut):
  codes, priority = draw(seed)
  old = suffix.add_suffix(
    codes[:cut], SIZES, priority=priority[:cut], headroom=50
  )
  grown = suffix.append_suffix(old, codes[cut:])
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  assert grown.num_ids == len(codes)
  assert grown.level_sizes == old.level_sizes


def test_a_bucket_without_room_is_an_error_that_names_it():
  codes = np.array([[1, 2], [1, 2], [0, 0]])
  ids = suffix.add_suffix(codes, SIZES, priority=np.zeros(3), headroom=1.0)
  with pytest.raises(ValueError, match=r"\[1, 2\] would hold 3 items"):
    suffix.append_suffix(ids, codes[:1])


def test_numbers_that_no_item_has_any_more_are_given_again():
  codes = np.array([[1, 2], [1, 2], [0, 0]])
  ids = suffix.add_suffix(codes, SIZES, priority=np.zeros(3), headroom=2.0)
  grown = suffix.append_suffix(ids, codes[[0, 0]])
  assert grown.codes[3:, 2].tolist() == [2, 3]
  left = semantic_ids.SemanticIds(grown.codes[[0, 2, 4]], grown.level_sizes)
  again = suffix.append_suffix(left, codes[[0, 2, 1]])
  assert again.codes[3:, 2].tolist() == [1, 1, 2]
  with pytest.raises(ValueError, match=r"\[1, 2\] would hold 5 items"):
    suffix.append_suffix(again, codes[:1])


ENDED = np.array([[1, -1], [1, -1], [1, 2], [1, 2], [0, 3]])


def test_ids_that_ended_early_stay_shared_under_a_suffix():
  ids = suffix.add_suffix(ENDED, SIZES, priority=np.arange(5))
  np.testing.assert_array_equal(ids.codes[:, 2], [-1, -1, 1, 0, 0])
  grown = suffix.append_suffix(ids, ENDED)
  np.testing.assert_array_equal(grown.codes[:5], ids.codes)
  np.testing.assert_array_equal(grown.codes[5:, 2], [-1, -1, 2, 3, 1])


CLUSTER_SIZES = (2, 2, 3)


def draw_clusters(seed, rows=80):
  rng = np.random.default_rng(seed)
  return np.stack([rng.integers(0, c, rows) for c in CLUSTER_SIZES], axis=1)


@given(st.integers(0, 2**31 - 1), st.integers(1, 9), st.integers(1, 6))
def test_groups_partition_a_cluster_within_the_bound(seed, most, groups):
  codes = draw_clusters(seed)
  ids = suffix.split_large_clusters(
    codes, CLUSTER_SIZES, max_items=most, max_groups=groups, seed=seed
  )
  np.testing.assert_array_equal(ids.codes[:, :3], codes)
  _, bucket = semantic_ids.distinct_rows(codes, CLUSTER_SIZES)
  counts = np.bincount(bucket)
  dealt = np.minimum(-(-counts // most), groups)
  sizes = np.bincount(ids.id_of_item)
  bound = -(-counts // dealt)
  assert (sizes[ids.id_of_item] <= bound[bucket]).all()
  fits_mask = (counts <= most * groups)[bucket]
  assert (sizes[ids.id_of_item][fits_mask] <= most).all()


@given(st.integers(0, 2**31 - 1), st.integers(1, 79))
def test_appended_items_move_nobody_and_fill_the_smallest_group(seed, cut):
  codes = draw_clusters(seed)
  old = suffix.split_large_clusters(codes[:cut], CLUSTER_SIZES, max_items=3)
  grown = suffix.append_to_clusters(old, codes[cut:], max_items=3)
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  np.testing.assert_array_equal(grown.codes[:, :3], codes)
  assert np.diff(grown.item_offsets).max() <= 3


def test_a_full_level_takes_more_items_than_the_limit():
  ids = suffix.split_large_clusters(
    np.zeros((4, 1), int), (1,), max_items=2, max_groups=2
  )
  grown = suffix.append_to_clusters(ids, np.zeros((4, 1), int), max_items=2)
  np.testing.assert_array_equal(np.diff(grown.item_offsets), [4, 4])


def test_ids_that_ended_early_are_not_split():
  codes = np.array([[0, -1]] * 5 + [[0, 1]] * 5)
  ids = suffix.split_large_clusters(codes, (2, 3), max_items=2)
  assert (ids.codes[:5, 2] == -1).all()
  assert len(np.unique(ids.codes[5:, 2])) == 3
  grown = suffix.append_to_clusters(ids, codes, max_items=2)
  np.testing.assert_array_equal(grown.codes[:10], ids.codes)
  assert (grown.codes[10:15, 2] == -1).all()
