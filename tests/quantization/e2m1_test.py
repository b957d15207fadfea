import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from gr_jax.quantization import e2m1
from tests.quantization.minifloat_test import same_bits, some_floats

CODES = np.arange(16, dtype=np.uint8)
VALUES = CODES.view(ml_dtypes.float4_e2m1fn).astype(np.float32)


def test_rounding_and_codes_are_the_cast_that_saturates():
  x = some_floats()
  wanted = np.clip(x, -6, 6).astype(ml_dtypes.float4_e2m1fn)
  found = jax.jit(e2m1.round_to_nearest)(x)
  same_bits(found, wanted)
  codes = jax.jit(e2m1.encode)(found)
  np.testing.assert_array_equal(codes, wanted.view(np.uint8))


def test_ties_go_to_even_codes_and_their_neighbors_to_the_nearer():
  middle = (np.array(e2m1.GRID[:-1]) + np.array(e2m1.GRID[1:])) / 2
  middle = middle.astype(np.float32)
  even = [e2m1.GRID[i + i % 2] for i in range(7)]
  np.testing.assert_array_equal(e2m1.round_to_nearest(middle), even)
  below = np.nextafter(middle, np.float32(0))
  above = np.nextafter(middle, np.float32(9))
  np.testing.assert_array_equal(e2m1.round_to_nearest(below), e2m1.GRID[:-1])
  np.testing.assert_array_equal(e2m1.round_to_nearest(-above), -VALUES[1:8])


def test_decode_is_the_inverse_of_encode():
  same_bits(e2m1.decode(CODES), VALUES)
  np.testing.assert_array_equal(e2m1.encode(e2m1.decode(CODES)), CODES)


def test_nan_stays_until_it_is_encoded_as_six():
  found = e2m1.round_to_nearest(np.array([np.nan, np.inf], np.float32))
  np.testing.assert_array_equal(found, [np.nan, 6])
  np.testing.assert_array_equal(e2m1.encode(found), [7, 7])


def test_stochastic_rounding_is_unbiased_and_goes_to_a_neighbor():
  x = jnp.linspace(-6, 6, 97)
  keys = jax.random.split(jax.random.key(0), 4096)
  draws = jax.jit(jax.vmap(lambda key: e2m1.round_stochastically(x, key)))(keys)
  grid = np.sort(np.concatenate([VALUES[:8], -VALUES[1:8]]))
  step = np.diff(grid)[np.clip(np.searchsorted(grid, x) - 1, 0, 13)]
  assert np.isin(draws, grid).all()
  assert (np.abs(draws - x) < step).all()
  # Five standard errors of the mean, each at most half a step.
  error = np.abs(draws.mean(axis=0) - x)
  assert (error < 5 * step / 2 / np.sqrt(4096)).all()


def test_stochastic_rounding_keeps_numbers_of_the_grid_and_saturates():
  x = jnp.concatenate([jnp.asarray(VALUES), jnp.array([7.0, -jnp.inf])])
  found = e2m1.round_stochastically(x, jax.random.key(1))
  same_bits(found[:16], VALUES)
  np.testing.assert_array_equal(found[16:], [6, -6])
