import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.quantization import quantize
from gr_jax.quantization.mxfp4 import Mxfp4

X = jax.random.normal(jax.random.key(0), (16, 128))
restored = jax.jit(lambda x: quantize.quantize_dequantize(x, Mxfp4()))


def test_scales_put_the_largest_number_of_a_block_between_four_and_eight():
  found = quantize.round_matrices(X, Mxfp4())
  largest = np.abs(np.asarray(X)).reshape(16, 4, 32).max(axis=-1)
  ratio = largest / np.asarray(found.scales)
  assert (ratio >= 4).all()
  assert (ratio < 8).all()
  np.testing.assert_array_equal(found.tensor_scale, 1)


def test_it_is_odd_idempotent_and_lets_powers_of_two_through():
  once = restored(X)
  np.testing.assert_array_equal(restored(-X), -once)
  np.testing.assert_array_equal(restored(once), once)
  np.testing.assert_array_equal(restored(2.0**-70 * X), 2.0**-70 * once)


def test_odd_numbers_stay_in_their_block():
  x = X.at[0, 0].set(jnp.nan).at[1, 0].set(-jnp.inf).at[2, :32].set(0)
  found = restored(x)
  assert np.isnan(found[0, :32]).all()
  assert found[1, 0] == -np.inf
  assert not np.any(found[1, 1:32])
  assert not np.any(found[2, :32])
  np.testing.assert_array_equal(found[:, 32:], restored(X)[:, 32:])


def test_blocks_near_the_least_number_become_zeros():
  assert not np.any(restored(2.0**-126 * X / jnp.max(jnp.abs(X))))
