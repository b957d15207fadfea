import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import quantizers, sinkhorn


@given(st.integers(0, 2**31 - 1))
def test_rows_sum_to_one_and_columns_to_their_share(seed):
  distances = np.random.default_rng(seed).normal(size=(12, 5))
  plan = sinkhorn.sinkhorn(jnp.asarray(distances), epsilon=0.5, iterations=100)
  np.testing.assert_allclose(plan.sum(axis=1), np.ones(12), rtol=1e-4)
  np.testing.assert_allclose(plan.sum(axis=0), np.full(5, 12 / 5), rtol=1e-3)


def test_a_small_epsilon_stays_finite():
  distances = sinkhorn.centre_distances(jnp.arange(20.0).reshape(4, 5) ** 2)
  assert distances.min() == -1
  assert distances.max() == 1
  assert np.isfinite(sinkhorn.sinkhorn(distances, epsilon=0.003)).all()


def test_balanced_codes_use_a_codebook_that_nearest_codes_do_not():
  rng = np.random.default_rng(0)
  residuals = jnp.asarray(rng.normal(size=(64, 4)), jnp.float32)
  codebook = jnp.asarray(4 * rng.normal(size=(8, 4)), jnp.float32)
  codebook = codebook.at[0].set(0.0)
  nearest = quantizers.nearest_code(residuals, codebook)
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
