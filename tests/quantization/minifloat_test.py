import jax
import ml_dtypes
import numpy as np
import pytest

from gr_jax.quantization import minifloat


def some_floats() -> np.ndarray:
  """Every bfloat16 but NaN, and float32 of any bits."""
  every = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
  bits = np.random.default_rng(0).integers(0, 2**32, 2**18, dtype=np.uint32)
  x = np.concatenate([every.astype(np.float32), bits.view(np.float32)])
  return x[~np.isnan(x)]


def same_bits(found, wanted):
  found, wanted = (np.asarray(x, np.float32) for x in (found, wanted))
  np.testing.assert_array_equal(found.view(np.int32), wanted.view(np.int32))


def test_e4m3_is_the_cast_that_saturates():
  x = some_floats()
  wanted = np.clip(x, -448, 448).astype(ml_dtypes.float8_e4m3fn)
  same_bits(jax.jit(minifloat.round_to_e4m3)(x), wanted)


@pytest.mark.parametrize(
  ("dtype", "mantissa", "min_exponent"),
  [
    (ml_dtypes.float6_e2m3fn, 3, 0),
    (ml_dtypes.float6_e3m2fn, 2, -2),
    (ml_dtypes.float8_e5m2, 2, -14),
  ],
)
def test_any_narrow_float_is_its_cast(dtype, mantissa, min_exponent):
  largest = float(ml_dtypes.finfo(dtype).max)
  x = some_floats()[::7]
  found = minifloat.round_half_even(
    x, mantissa=mantissa, min_exponent=min_exponent, largest=largest
  )
  same_bits(found, np.clip(x, -largest, largest).astype(dtype))


def test_nan_stays_and_infinity_saturates():
  x = np.array([np.nan, -np.nan, np.inf, -np.inf], np.float32)
  found = minifloat.round_to_e4m3(x)
  np.testing.assert_array_equal(found, [np.nan, np.nan, 448, -448])


def test_the_largest_magnitude_sees_nan_wherever_it_is():
  x = np.random.default_rng(0).standard_normal((64, 16)).astype(np.float32)
  np.testing.assert_array_equal(
    minifloat.largest_magnitude(x, axis=-1), np.abs(x).max(axis=-1)
  )
  for at in range(16):
    x[3 + at, at] = -np.nan if at % 2 else np.nan
  found = jax.jit(lambda x: minifloat.largest_magnitude(x, axis=-1))(x)
  np.testing.assert_array_equal(np.isnan(found), np.isnan(x).any(axis=-1))


def test_powers_of_two_and_exponents_are_inverses():
  exponents = np.arange(-126, 128, dtype=np.int32)
  powers = minifloat.power_of_two(exponents)
  np.testing.assert_array_equal(powers, np.ldexp(np.float32(1), exponents))
  np.testing.assert_array_equal(minifloat.exponent_of(powers), exponents)
  np.testing.assert_array_equal(minifloat.exponent_of(-1.9 * powers), exponents)


def test_the_step_is_the_gap_to_the_next_number():
  x = np.array([0, 0.01, 0.49, 1, 1.9, 2, 3.9, 4, 5.9], np.float32)
  step = minifloat.step_of(x, mantissa=1, min_exponent=0)
  np.testing.assert_array_equal(step, [0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 2, 2])
