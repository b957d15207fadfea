import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.clustering.nearest import nearest_code
from gr_jax.tokenizers import sinkhorn

SEEDS = st.integers(0, 2**31 - 1)
SIZES = (3, 4)
ENDED = np.array([[1, -1], [1, -1], [1, 2], [1, 2], [0, 3]])


@given(st.integers(0, 2**31 - 1))
def test_rows_sum_to_one_and_columns_to_their_share(seed):
  distances = np.random.default_rng(seed).normal(size=(12, 5))
  plan = sinkhorn.sinkhorn(jnp.asarray(distances), epsilon=0.5, iterations=100)
  np.testing.assert_allclose(plan.sum(axis=1), np.ones(12), rtol=1e-4)
  np.testing.assert_allclose(plan.sum(axis=0), np.full(5, 12 / 5), rtol=1e-3)


def test_a_small_epsilon_stays_finite():
  distances = sinkhorn.center_distances(jnp.arange(20.0).reshape(4, 5) ** 2)
  assert distances.min() == -1
  assert distances.max() == 1
  assert np.isfinite(sinkhorn.sinkhorn(distances, epsilon=0.003)).all()


def test_balanced_codes_use_a_codebook_that_nearest_codes_do_not():
  rng = np.random.default_rng(0)
  residuals = jnp.asarray(rng.normal(size=(64, 4)), jnp.float32)
  codebook = jnp.asarray(4 * rng.normal(size=(8, 4)), jnp.float32)
  codebook = codebook.at[0].set(0.0)
  nearest = nearest_code(residuals, codebook)
  balanced = sinkhorn.SinkhornCode()(residuals, codebook)
  most = np.bincount(nearest, minlength=8).max()
  assert np.bincount(balanced, minlength=8).max() < most


def test_groups_are_balanced_apart():
  rng = np.random.default_rng(1)
  residuals = jnp.asarray(rng.normal(size=(3, 2, 4)), jnp.float32)
  codebook = jnp.asarray(rng.normal(size=(8, 4)), jnp.float32)
  choose = sinkhorn.SinkhornCode()
  together = choose(residuals, codebook)
  apart = [choose(group, codebook) for group in residuals]
  np.testing.assert_array_equal(together, np.stack(apart))


def test_rows_that_are_masked_change_no_other_code():
  rng = np.random.default_rng(2)
  residuals = jnp.asarray(rng.normal(size=(3, 5, 4)), jnp.float32)
  codebook = jnp.asarray(rng.normal(size=(8, 4)), jnp.float32)
  choose = sinkhorn.SinkhornCode()
  mask = jnp.arange(5) < jnp.array([[2], [5], [0]])
  found = choose(residuals.at[0, 2:].set(1e3), codebook, where=mask)
  np.testing.assert_array_equal(
    found[0, :2], choose(residuals[0, :2], codebook)
  )
  np.testing.assert_array_equal(found[1], choose(residuals[1], codebook))


def test_sinkhorn_parts_colliding_items_at_the_last_level_only():
  rng = np.random.default_rng(0)
  residuals = rng.normal(size=(12, 4)).astype(np.float32)
  codebook = rng.normal(size=(16, 4)).astype(np.float32)
  codes = np.zeros((12, 2), int)
  codes[:, 0] = np.arange(12) // 4
  ids = sinkhorn.reassign(
    codes, (3, 16), residuals=residuals, codebook=codebook
  )
  assert ids.num_ids == 12
  np.testing.assert_array_equal(ids.codes[:, 0], codes[:, 0])


@given(SEEDS)
def test_colliding_groups_are_the_buckets_of_two_or_more(seed):
  bucket = np.random.default_rng(seed).integers(0, 6, 20)
  groups = sinkhorn._colliding_groups(bucket, where=bucket >= 0)
  found = {
    tuple(row[row >= 0]) for rows in groups for row in rows if row[0] >= 0
  }
  counts = np.bincount(bucket)
  assert found == {
    tuple(np.flatnonzero(bucket == b)) for b in np.flatnonzero(counts > 1)
  }


def test_sinkhorn_leaves_unique_ids_alone():
  codes = np.array([[0, 1], [0, 2], [1, 1]])
  ids = sinkhorn.reassign(
    codes, (3, 4), residuals=np.zeros((3, 2)), codebook=np.ones((4, 2))
  )
  np.testing.assert_array_equal(ids.codes, codes)


def test_sinkhorn_parts_full_ids_and_leaves_those_that_ended():
  rng = np.random.default_rng(0)
  ids = sinkhorn.reassign(
    ENDED,
    SIZES,
    residuals=rng.normal(size=(5, 3)),
    codebook=rng.normal(size=(4, 3)),
  )
  np.testing.assert_array_equal(ids.codes[:2], ENDED[:2])
  assert ids.codes[2, 1] != ids.codes[3, 1]


def test_a_colliding_item_is_in_one_group_once():
  bucket = np.array([0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 4, 4])
  groups = sinkhorn._colliding_groups(bucket, where=bucket != 1)
  assert [rows.shape for rows in groups] == [(1, 2), (2, 4)]
  found = np.concatenate([rows[rows >= 0] for rows in groups])
  assert sorted(found.tolist()) == [0, 1, 4, 5, 6, 8, 9, 10, 11]
