import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.quantization import int4, quantize
from gr_jax.quantization.int4 import Int4

X = jax.random.normal(jax.random.key(0), (16, 128))
restored = jax.jit(lambda x: quantize.quantize_dequantize(x, Int4()))


def test_codes_are_two_s_complement_and_come_back():
  values = jnp.arange(-7, 8, dtype=jnp.float32)
  codes = int4.encode(values)
  np.testing.assert_array_equal(codes, np.arange(-7, 8, dtype=np.int8) & 15)
  np.testing.assert_array_equal(int4.decode(codes), values)


def test_errors_are_at_most_half_a_step():
  found = quantize.round_matrices(X, Int4())
  gap = np.abs(quantize.restore(found) - X.reshape(16, 4, 32))
  # The rounded scale may leave the largest number beyond 7.
  assert (gap <= np.asarray(found.scales)[..., None] * (0.5 + 7 / 256)).all()
  assert np.abs(found.values).max() == 7


def test_it_is_odd_and_lets_powers_of_two_through():
  np.testing.assert_array_equal(restored(-X), -restored(X))
  np.testing.assert_array_equal(restored(0.125 * X), 0.125 * restored(X))


def test_zeros_stay_and_odd_numbers_make_their_group_nan():
  x = X.at[0, :32].set(0).at[1, 0].set(jnp.inf).at[2, 40].set(jnp.nan)
  found = restored(x)
  assert not np.any(found[0, :32])
  assert np.isnan(found[1, :32]).all()
  assert np.isnan(found[2, 32:64]).all()
  assert np.isfinite(found[:, 64:]).all()


def test_stochastic_rounding_is_unbiased():
  x = jnp.linspace(-7, 7, 57)
  keys = jax.random.split(jax.random.key(0), 2048)
  draws = jax.vmap(lambda key: int4.round_stochastically(x, key))(keys)
  assert (np.abs(draws - x) < 1).all()
  assert (np.abs(draws.mean(axis=0) - x) < 5 / 2 / np.sqrt(2048)).all()
