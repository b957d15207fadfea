"""E2M1, the four-bit float: ±{0, 0.5, 1, 1.5, 2, 3, 4, 6}.

A code is `s e e m`: sign, exponent (bias 1), mantissa; `e = 0` is subnormal.
The format has neither infinity nor NaN. Both roundings saturate at 6, as
`cvt.rn.satfinite.e2m1x2` does on NVIDIA's cards, and keep the sign of zeros.
Rounded numbers are float32 until they are encoded: the emulation of a product
never needs the codes.
"""

import jax
import jax.numpy as jnp

from gr_jax.quantization.minifloat import (
  round_half_even,
  step_of,
  with_sign_of,
)

LARGEST = 6.0
GRID = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The magnitudes, by their code."""


def round_to_nearest(x: jax.Array) -> jax.Array:
  """`x` on the grid: half to even, saturating; NaN stays NaN."""
  return round_half_even(x, mantissa=1, min_exponent=0, largest=LARGEST)


def round_stochastically(x: jax.Array, key: jax.Array) -> jax.Array:
  """`x` on the grid, up or down at random, `E[round(x)] = x` for `|x| <= 6`.

  With `lower <= |x| < lower + step`, `u ~ U[0, 1)`:

    round(|x|) = lower + step [u < (|x| - lower) / step]

  Beyond 6 it saturates and is biased; a scale that is a seventeenth larger
  keeps blocks within (`nvfp4.Unclipped`). NaN stays NaN.
  """
  size = jnp.minimum(jnp.abs(x), LARGEST)
  step = step_of(size, mantissa=1, min_exponent=0)
  # The step is a power of two: all of this is exact.
  multiple = size / step
  lower = jnp.floor(multiple)
  up = jax.random.uniform(key, x.shape) < multiple - lower
  return with_sign_of((lower + up.astype(jnp.float32)) * step, x)


def encode(values: jax.Array) -> jax.Array:
  """Four-bit codes (uint8) of numbers on the grid; NaN becomes 6, code 7."""
  size = jnp.abs(values)
  # The exponent and the first bit of the mantissa, where 1 has the code 2.
  bits = jax.lax.bitcast_convert_type(size, jnp.int32)
  code = jnp.where(size >= 1, (bits >> 22) - 252, (size > 0).astype(jnp.int32))
  code = code | (jnp.signbit(values).astype(jnp.int32) << 3)
  return jnp.where(jnp.isnan(values), 7, code).astype(jnp.uint8)


def decode(codes: jax.Array) -> jax.Array:
  """float32 numbers of four-bit codes (any integer type; low bits count)."""
  codes = codes.astype(jnp.int32)
  size = codes & 7
  # `1 + m / 2` times a power of two; the two codes below it are halves.
  normal = ((size << 22) + (126 << 23)).astype(jnp.int32)
  normal = jax.lax.bitcast_convert_type(normal, jnp.float32)
  magnitude = jnp.where(size >= 2, normal, 0.5 * size.astype(jnp.float32))
  sign = jax.lax.bitcast_convert_type((codes & 8) << 28, jnp.float32)
  return with_sign_of(magnitude, sign)
