import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import cluster_split, semantic_ids

SIZES = (2, 2, 3)


def draw(seed, rows=80):
  rng = np.random.default_rng(seed)
  return np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)


@given(st.integers(0, 2**31 - 1), st.integers(1, 9), st.integers(1, 6))
def test_groups_partition_a_cluster_within_the_bound(seed, most, groups):
  codes = draw(seed)
  ids = cluster_split.split_large_clusters(
    codes, SIZES, max_items=most, max_groups=groups, seed=seed
  )
  np.testing.assert_array_equal(ids.codes[:, :3], codes)
  _, bucket = semantic_ids.distinct_rows(codes, SIZES)
  counts = np.bincount(bucket)
  dealt = np.minimum(-(-counts // most), groups)
  sizes = np.bincount(ids.id_of_item)
  bound = -(-counts // dealt)
  assert (sizes[ids.id_of_item] <= bound[bucket]).all()
  fits_mask = (counts <= most * groups)[bucket]
  assert (sizes[ids.id_of_item][fits_mask] <= most).all()


@given(st.integers(0, 2**31 - 1), st.integers(1, 79))
def test_appended_items_move_nobody_and_fill_the_smallest_group(seed, cut):
  codes = draw(seed)
  old = cluster_split.split_large_clusters(codes[:cut], SIZES, max_items=3)
  grown = cluster_split.append_to_clusters(old, codes[cut:], max_items=3)
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  np.testing.assert_array_equal(grown.codes[:, :3], codes)
  assert np.diff(grown.item_offsets).max() <= 3


def test_a_full_level_takes_more_items_than_the_limit():
  ids = cluster_split.split_large_clusters(
    np.zeros((4, 1), int), (1,), max_items=2, max_groups=2
  )
  grown = cluster_split.append_to_clusters(
    ids, np.zeros((4, 1), int), max_items=2
  )
  np.testing.assert_array_equal(np.diff(grown.item_offsets), [4, 4])


def test_ids_that_ended_early_are_not_split():
  codes = np.array([[0, -1]] * 5 + [[0, 1]] * 5)
  ids = cluster_split.split_large_clusters(codes, (2, 3), max_items=2)
  assert (ids.codes[:5, 2] == -1).all()
  assert len(np.unique(ids.codes[5:, 2])) == 3
  grown = cluster_split.append_to_clusters(ids, codes, max_items=2)
  np.testing.assert_array_equal(grown.codes[:10], ids.codes)
  assert (grown.codes[10:15, 2] == -1).all()
