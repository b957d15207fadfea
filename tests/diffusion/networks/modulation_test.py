"""Adaptive norms."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.networks.modulation import (
  Modulation,
  layer_norm,
  modulated_norm,
)

X = np.random.default_rng(0).normal(2, 3, size=(2, 5, 8)).astype(np.float32)


def test_a_layer_norm_has_mean_nought_and_variance_one():
  found = np.asarray(layer_norm(X))
  np.testing.assert_allclose(found.mean(-1), 0, atol=1e-5)
  np.testing.assert_allclose(found.var(-1), 1, atol=1e-4)
  np.testing.assert_allclose(layer_norm(5 * X - 3), found, atol=1e-4)


def test_a_scale_multiplies_and_a_shift_is_added():
  plain = layer_norm(X)
  zeros, ones = np.zeros((2, 8)), np.ones((2, 8))
  np.testing.assert_array_equal(modulated_norm(X, zeros, zeros), plain)
  found = modulated_norm(X, 3 * ones, 0.5 * ones)
  np.testing.assert_allclose(found, 1.5 * plain + 3, rtol=1e-5)


def test_all_parts_are_zero_at_first():
  vector = jnp.ones((3, 8))
  parts, _ = Modulation(6).init_with_output(jax.random.key(0), vector)
  assert len(parts) == 6
  for part in parts:
    np.testing.assert_array_equal(part, np.zeros((3, 8)))
