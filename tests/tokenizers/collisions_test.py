import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import collisions

SEEDS = st.integers(0, 2**31 - 1)
SIZES = (3, 4)


def draw(seed, rows=40):
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)
  return codes, rng.integers(0, 5, rows)


def test_clusters_are_left_alone():
  codes, _ = draw(0)
  ids = collisions.leave_clusters(codes, SIZES)
  np.testing.assert_array_equal(ids.codes, codes)
  assert ids.num_ids < len(ids)


@given(SEEDS)
def test_a_suffix_makes_every_id_unique_and_keeps_the_prefix(seed):
  codes, priority = draw(seed)
  ids = collisions.add_suffix(codes, SIZES, priority=priority)
  assert ids.num_ids == len(codes)
  np.testing.assert_array_equal(ids.codes[:, :2], codes)


@given(SEEDS)
def test_suffixes_count_up_as_priority_goes_down(seed):
  codes, priority = draw(seed)
  ids = collisions.add_suffix(codes, SIZES, priority=priority)
  for prefix in np.unique(codes, axis=0):
    rows = np.flatnonzero((codes == prefix).all(axis=1))
    order = sorted(rows, key=lambda row: (-priority[row], row))
    np.testing.assert_array_equal(ids.codes[order, 2], np.arange(len(rows)))


@given(SEEDS, st.integers(1, 39))
def test_appended_items_take_free_numbers_and_move_nobody(seed, cut):
  codes, priority = draw(seed)
  old = collisions.add_suffix(
    codes[:cut], SIZES, priority=priority[:cut], headroom=50
  )
  grown = collisions.append_suffix(old, codes[cut:], priority=priority[cut:])
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  assert grown.num_ids == len(codes)
  assert grown.level_sizes == old.level_sizes


def test_a_bucket_without_room_is_an_error_that_names_it():
  codes = np.array([[1, 2], [1, 2], [0, 0]])
  ids = collisions.add_suffix(codes, SIZES, priority=np.zeros(3), headroom=1.0)
  with pytest.raises(ValueError, match=r"\[1, 2\] would hold 3 items"):
    collisions.append_suffix(ids, codes[:1], priority=np.zeros(1))


def test_sinkhorn_parts_colliding_items_at_the_last_level_only():
  rng = np.random.default_rng(0)
  residuals = rng.normal(size=(12, 4)).astype(np.float32)
  codebook = rng.normal(size=(16, 4)).astype(np.float32)
  codes = np.zeros((12, 2), int)
  codes[:, 0] = np.arange(12) // 4
  ids = collisions.sinkhorn_reassign(
    codes, (3, 16), residuals=residuals, codebook=codebook
  )
  assert ids.num_ids == 12
  np.testing.assert_array_equal(ids.codes[:, 0], codes[:, 0])


@given(SEEDS)
def test_colliding_groups_are_the_buckets_of_two_or_more(seed):
  bucket = np.random.default_rng(seed).integers(0, 6, 20)
  groups = collisions._colliding_groups(bucket, where=bucket >= 0)
  found = {
    tuple(row[row >= 0]) for rows in groups for row in rows if row[0] >= 0
  }
  counts = np.bincount(bucket)
  assert found == {
    tuple(np.flatnonzero(bucket == b)) for b in np.flatnonzero(counts > 1)
  }


def test_sinkhorn_leaves_unique_ids_alone():
  codes = np.array([[0, 1], [0, 2], [1, 1]])
  ids = collisions.sinkhorn_reassign(
    codes, (3, 4), residuals=np.zeros((3, 2)), codebook=np.ones((4, 2))
  )
  np.testing.assert_array_equal(ids.codes, codes)


ENDED = np.array([[1, -1], [1, -1], [1, 2], [1, 2], [0, 3]])


def test_ids_that_ended_early_stay_shared_under_a_suffix():
  ids = collisions.add_suffix(ENDED, SIZES, priority=np.arange(5))
  np.testing.assert_array_equal(ids.codes[:, 2], [-1, -1, 1, 0, 0])
  grown = collisions.append_suffix(ids, ENDED, priority=np.zeros(5))
  np.testing.assert_array_equal(grown.codes[:5], ids.codes)
  np.testing.assert_array_equal(grown.codes[5:, 2], [-1, -1, 2, 3, 1])


def test_sinkhorn_parts_full_ids_and_leaves_those_that_ended():
  rng = np.random.default_rng(0)
  ids = collisions.sinkhorn_reassign(
    ENDED,
    SIZES,
    residuals=rng.normal(size=(5, 3)),
    codebook=rng.normal(size=(4, 3)),
  )
  np.testing.assert_array_equal(ids.codes[:2], ENDED[:2])
  assert ids.codes[2, 1] != ids.codes[3, 1]
