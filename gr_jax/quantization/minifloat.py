"""Rounds float32 numbers to a narrower float format, by adding and subtracting.

A format with `m` bits of mantissa and the smallest normal exponent `e_min` has
around `x` the step

  step(x) = 2^(max(floor(log2 |x|), e_min) - m)

and float32 itself has the step 1 between 2^23 and 2^24. So

  round(|x|) = (|x| + 2^23 step) - 2^23 step

is `|x|` rounded to the grid, half to even, subnormal numbers included: the sum
has room for multiples of the step alone, and an odd multiple is an odd mantissa
in both formats. The power of two is read from the bits of `x`: an exponent of
at least `e_min`, with `23 - m` added to it. Nothing here divides, branches or
looks up a table.
"""

import jax
import jax.numpy as jnp

_EXPONENT = 0x7F800000
_SIGN = -(2**31)


def _bits(x: jax.Array) -> jax.Array:
  return jax.lax.bitcast_convert_type(x, jnp.int32)


def _from_bits(bits: jax.Array) -> jax.Array:
  return jax.lax.bitcast_convert_type(bits, jnp.float32)


def largest_magnitude(
  x: jax.Array, *, axis: int | tuple[int, ...], keepdims: bool = False
) -> jax.Array:
  """`max |x|`, NaN where there is one.

  Magnitudes are ordered as their bits are, with NaN above infinity. XLA's CPU
  backend loses NaN in some maxima of floats.
  """
  bits = jnp.max(_bits(x) & ~_SIGN, axis=axis, keepdims=keepdims)
  return _from_bits(bits)


def power_of_two(exponent: jax.Array) -> jax.Array:
  """`2^exponent` in float32 for int32 exponents of -126 to 127, exactly."""
  return _from_bits((exponent.astype(jnp.int32) + 127) << 23)


def exponent_of(x: jax.Array) -> jax.Array:
  """`floor(log2 |x|)` as int32; -127 for zeros and subnormal numbers."""
  return ((_bits(x) & _EXPONENT) >> 23) - 127


def step_of(x: jax.Array, *, mantissa: int, min_exponent: int) -> jax.Array:
  """The distance of the format's numbers around `|x|`, float32."""
  exponent = jnp.maximum(exponent_of(x), min_exponent)
  return power_of_two(exponent - mantissa)


def with_sign_of(magnitude: jax.Array, x: jax.Array) -> jax.Array:
  """The magnitude with the sign of `x`, that of its zeros as well."""
  return _from_bits(_bits(magnitude) | (_bits(x) & _SIGN))


def round_half_even(
  x: jax.Array, *, mantissa: int, min_exponent: int, largest: float
) -> jax.Array:
  """`x` rounded to the format: to the nearest, half to even, saturating.

  Args:
    x: float32 of any shape.
    mantissa: `m`, the bits after the point.
    min_exponent: `e_min`, the exponent of the smallest normal number.
    largest: the largest number of the format; what is beyond it, infinity
      included, becomes it.

  Returns:
    float32 of the same shape. Zeros keep their sign, NaN stays NaN.
  """
  size = jnp.minimum(jnp.abs(x), largest)
  least = jnp.int32((min_exponent + 127) << 23)
  exponent = jnp.maximum(_bits(size) & _EXPONENT, least)
  magic = _from_bits(exponent + ((23 - mantissa) << 23))
  return with_sign_of((size + magic) - magic, x)


def round_to_e4m3(x: jax.Array) -> jax.Array:
  """`x` in E4M3 (largest 448, least 2^-9), as float32."""
  return round_half_even(x, mantissa=3, min_exponent=-6, largest=448.0)
