"""The properties of NVFP4, of every order of rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import quantize
from gr_jax.quantization.e2m1 import GRID
from gr_jax.quantization.four_over_six import FourOverSix, Six, absolute
from gr_jax.quantization.nvfp4 import Modelopt, Torchao, tensor_scale

FORMATS = {
  "torchao": Torchao(),
  "modelopt": Modelopt(),
  "six": Six(),
  "four_over_six_squared": FourOverSix(),
  "four_over_six_absolute": FourOverSix(absolute),
}
X = jax.random.normal(jax.random.key(0), (64, 128))

pytestmark = pytest.mark.parametrize(
  "format", FORMATS.values(), ids=FORMATS.keys()
)
restored = jax.jit(quantize.quantize_dequantize, static_argnums=1)
rounded = jax.jit(quantize.round_matrices, static_argnums=1)


def test_all_codes_are_in_the_grid(format):
  assert np.isin(np.abs(rounded(X, format).values), GRID).all()


def test_it_is_odd(format):
  np.testing.assert_array_equal(restored(-X, format), -restored(X, format))


@pytest.mark.parametrize("exponent", [-40, -3, 1, 60])
def test_powers_of_two_come_through(format, exponent):
  factor = 2.0**exponent
  np.testing.assert_array_equal(
    restored(factor * X, format), factor * restored(X, format)
  )


def test_a_second_time_changes_nothing(format):
  once, twice = rounded(X, format), rounded(restored(X, format), format)
  if isinstance(format, FourOverSix):
    # A block scaled to 4 may have a twin scaled to 6 that is as near.
    np.testing.assert_allclose(
      quantize.restore(twice), quantize.restore(once), rtol=1e-6
    )
  else:
    np.testing.assert_array_equal(twice.values, once.values)
    np.testing.assert_array_equal(twice.scales, once.scales)


def test_the_largest_number_comes_back(format):
  at = np.unravel_index(np.argmax(np.abs(np.asarray(X))), X.shape)
  np.testing.assert_allclose(restored(X, format)[at], X[at], rtol=2e-7)


def test_errors_are_below_a_share_of_the_block_s_largest(format):
  error = np.abs(restored(X, format) - X).reshape(64, 8, 16).max(axis=-1)
  largest = np.abs(np.asarray(X)).reshape(64, 8, 16).max(axis=-1)
  # Half the last step, and what rounding the scale adds.
  assert (error / largest).max() < 0.18 + 1 / 16


def test_zeros_stay_zeros_of_a_tensor_a_block_and_their_signs(format):
  assert not np.any(restored(jnp.zeros((16, 32)), format))
  np.testing.assert_array_equal(rounded(0 * X, format).tensor_scale, 1)
  found = restored(X.at[3, 16:32].set(0), format)
  assert not np.any(found[3, 16:32])
  assert np.any(found[3, :16])


def test_numbers_too_small_for_a_tensor_scale_become_zeros(format):
  assert not np.any(restored(X * 2.0**-110, format))
  assert np.any(restored(X * 2.0**-80, format))


def test_a_block_with_a_subnormal_scale_stays_finite_and_near(format):
  """A block of 2^-17 beside 1: its scale is below E4M3's normal numbers."""
  x = X.at[5, 32:48].multiply(2.0**-14)
  found = restored(x, format)[5, 32:48]
  largest = jnp.max(jnp.abs(x[5, 32:48]))
  assert np.isfinite(found).all()
  if not isinstance(format, Torchao):
    assert (np.abs(found - x[5, 32:48]) <= largest / 2).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_makes_its_matrix_nan_and_no_other(
  format, odd
):
  two = jnp.stack([X, X])
  found = restored(two.at[0, 2, 3].set(odd), format)
  assert np.isnan(found[0]).all()
  np.testing.assert_array_equal(found[1], restored(X, format))


def test_each_matrix_has_its_own_tensor_scale(format):
  two = jnp.stack([X, 1000 * X[::-1]])
  found = rounded(two, format)
  assert found.tensor_scale.shape == (2, 1, 1)
  for at in (0, 1):
    np.testing.assert_array_equal(
      found.values[at], rounded(two[at], format).values
    )


def test_the_largest_scale_is_the_format_s(format):
  found = rounded(X, format)
  if isinstance(format, FourOverSix):
    assert 256 <= found.scales.max() <= 1.5 * 256
  else:
    assert found.scales.max() == 448
    wanted = tensor_scale(jnp.max(jnp.abs(X)))
    np.testing.assert_allclose(found.tensor_scale[0, 0], wanted, rtol=1e-6)
