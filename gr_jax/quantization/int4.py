"""INT4: integers of -7 to 7 in groups of 32, bfloat16 scales.

  s_g = BF16(max|x_g| / 7),  q = clip(round(x / s_g), -7, 7)

Symmetric, half to even, no tensor scale (it is 1): 4.5 bits a number, as NVFP4
has, which makes it the integer beside it (`[OURS]`: GPTQ and AWQ have groups of
128 with float16 scales, 4.125 bits). A group of zeros has the scale 0; with NaN
or an infinity it is NaN.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.quantization.formats import Grid, Round, Rounded, block_max, divide

LARGEST = 7


def round_to_integer(x: jax.Array) -> jax.Array:
  """The nearest integer, half to even, of -7 to 7."""
  return jnp.clip(jnp.round(x), -LARGEST, LARGEST)


def round_stochastically(x: jax.Array, key: jax.Array) -> jax.Array:
  """`floor(x + u)`, `u ~ U[0, 1)`, of -7 to 7: unbiased between them."""
  lower = jnp.floor(x)
  up = jax.random.uniform(key, x.shape) < x - lower
  return jnp.clip(lower + up.astype(jnp.float32), -LARGEST, LARGEST)


def encode(values: jax.Array) -> jax.Array:
  """Two's complement in four bits; NaN becomes 0."""
  values = jnp.where(jnp.isnan(values), 0.0, values)
  return (values.astype(jnp.int32) & 15).astype(jnp.uint8)


def decode(codes: jax.Array) -> jax.Array:
  """float32 integers of codes below 16."""
  codes = codes.astype(jnp.int32)
  return ((codes ^ 8) - 8).astype(jnp.float32)


INTEGERS = Grid(round_to_integer, round_stochastically, encode, decode)


@dataclasses.dataclass(frozen=True)
class Int4:
  """Symmetric INT4.

  Attributes:
    block: numbers that share a scale.
  """

  block: int = 32

  @property
  def grid(self) -> Grid:
    """-7 to 7."""
    return INTEGERS

  @property
  def scale_type(self) -> jnp.dtype:
    """bfloat16."""
    return jnp.dtype(jnp.bfloat16)

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`; `tensor_max` gives the shape of `t = 1`."""
    wanted = divide(block_max(blocks), float(LARGEST))
    scales = wanted.astype(jnp.bfloat16).astype(jnp.float32)
    # Of infinity the scale is one, and its quotient NaN.
    scales = jnp.where(jnp.isinf(scales), jnp.nan, scales)
    divisor = jnp.where(scales == 0, 1.0, scales)[..., None]
    scaled = divide(blocks, divisor)
    return Rounded(round(scaled), scales, jnp.ones_like(tensor_max))
