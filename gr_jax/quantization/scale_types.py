"""Block scales as they are stored, and back to float32.

E4M3 and bfloat16 hold the numbers that formats choose exactly, so that a cast
is no rounding. E8M0 is the exponent of float32, byte for byte: 0 stands for
2^-127, which is no normal float32 and read as 0, 255 for NaN.
"""

import jax
import jax.numpy as jnp

E8M0 = jnp.dtype(jnp.float8_e8m0fnu)


def store(scales: jax.Array, dtype: jnp.dtype) -> jax.Array:
  """Scales that are numbers of `dtype`, or NaN, in that type."""
  if dtype != E8M0:
    return scales.astype(dtype)
  bits = jax.lax.bitcast_convert_type(scales, jnp.int32)
  exponent = (bits >> 23) & 255
  return jax.lax.bitcast_convert_type(exponent.astype(jnp.uint8), E8M0)


def load(stored: jax.Array) -> jax.Array:
  """float32 of stored scales."""
  if stored.dtype != E8M0:
    return stored.astype(jnp.float32)
  exponent = jax.lax.bitcast_convert_type(stored, jnp.uint8).astype(jnp.int32)
  scales = jax.lax.bitcast_convert_type(exponent << 23, jnp.float32)
  return jnp.where(exponent == 255, jnp.nan, scales)
