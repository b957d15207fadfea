"""MXFP4: E2M1 in blocks of 32, scales that are powers of two (E8M0).

  s_b = 2^(floor(log2 max|x_b|) - 2),  q = E2M1(x / s_b)

(OCP Microscaling Formats 1.0, section 6.3; torchao 0.18's `to_mx` with
`ScaleCalculationMode.FLOOR`, bit for bit.) No tensor scale: it is 1. A block's
largest number is between 4 and 8 steps, and what is above 6 saturates.

A block with NaN is NaN; with an infinity that number stays one and the others
become zeros. Blocks below `2^-124` (zeros too) get the least scale, `2^-127`,
which is no normal float32, and become zeros.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.quantization.formats import E2M1, Grid, Round, Rounded, block_max
from gr_jax.quantization.minifloat import exponent_of, power_of_two


@dataclasses.dataclass(frozen=True)
class Mxfp4:
  """MXFP4 as the OCP specification computes scales."""

  @property
  def block(self) -> int:
    """32."""
    return 32

  @property
  def grid(self) -> Grid:
    """E2M1."""
    return E2M1

  @property
  def scale_type(self) -> jnp.dtype:
    """E8M0."""
    return jnp.dtype(jnp.float8_e8m0fnu)

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`; `tensor_max` gives the shape of `t = 1`."""
    largest = block_max(blocks)
    # A scale of 2^-127 is written as 0, which is what float32 makes of it.
    exponent = jnp.maximum(exponent_of(largest) - 2, -127)
    scales = jnp.where(jnp.isnan(largest), jnp.nan, power_of_two(exponent))
    divisor = power_of_two(jnp.maximum(exponent, -126))[..., None]
    flushed = exponent[..., None] < -126
    scaled = jnp.where(flushed, blocks * 0, blocks / divisor)
    return Rounded(round(scaled), scales, jnp.ones_like(tensor_max))
