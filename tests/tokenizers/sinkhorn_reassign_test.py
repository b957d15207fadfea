import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import sinkhorn_reassign

SEEDS = st.integers(0, 2**31 - 1)
SIZES = (3, 4)
ENDED = np.array([[1, -1], [1, -1], [1, 2], [1, 2], [0, 3]])


def test_sinkhorn_parts_colliding_items_at_the_last_level_only():
  rng = np.random.default_rng(0)
  residuals = rng.normal(size=(12, 4)).astype(np.float32)
  codebook = rng.normal(size=(16, 4)).astype(np.float32)
  codes = np.zeros((12, 2), int)
  codes[:, 0] = np.arange(12) // 4
  ids = sinkhorn_reassign.sinkhorn_reassign(
    codes, (3, 16), residuals=residuals, codebook=codebook
  )
  assert ids.num_ids == 12
  np.testing.assert_array_equal(ids.codes[:, 0], codes[:, 0])


@given(SEEDS)
def test_colliding_groups_are_the_buckets_of_two_or_more(seed):
  bucket = np.random.default_rng(seed).integers(0, 6, 20)
  groups = sinkhorn_reassign._colliding_groups(bucket, where=bucket >= 0)
  found = {
    tuple(row[row >= 0]) for rows in groups for row in rows if row[0] >= 0
  }
  counts = np.bincount(bucket)
  assert found == {
    tuple(np.flatnonzero(bucket == b)) for b in np.flatnonzero(counts > 1)
  }


def test_sinkhorn_leaves_unique_ids_alone():
  codes = np.array([[0, 1], [0, 2], [1, 1]])
  ids = sinkhorn_reassign.sinkhorn_reassign(
    codes, (3, 4), residuals=np.zeros((3, 2)), codebook=np.ones((4, 2))
  )
  np.testing.assert_array_equal(ids.codes, codes)


def test_sinkhorn_parts_full_ids_and_leaves_those_that_ended():
  rng = np.random.default_rng(0)
  ids = sinkhorn_reassign.sinkhorn_reassign(
    ENDED,
    SIZES,
    residuals=rng.normal(size=(5, 3)),
    codebook=rng.normal(size=(4, 3)),
  )
  np.testing.assert_array_equal(ids.codes[:2], ENDED[:2])
  assert ids.codes[2, 1] != ids.codes[3, 1]
