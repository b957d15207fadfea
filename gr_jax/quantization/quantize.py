"""Rounds arrays to a format, and straight back where codes are not needed.

What shares a tensor scale:

  round_matrices  the last two axes `[F, D]`: a weight. Leading axes (layers,
                  experts) have a scale each.
  round_rows      the last axis: a position's activations. What a request gives
                  then does not depend on its neighbours in a batch, as it would
                  with one scale for the batch; the scale leaves the product as
                  a factor of a row, at no cost `[OURS]`.

Blocks run along the last axis, which is the contracted one.
"""

import jax
import jax.numpy as jnp

from gr_jax.quantization.blocks import Blocks, Runs
from gr_jax.quantization.formats import (
  Format,
  Round,
  Rounded,
  block_max,
)
from gr_jax.quantization.minifloat import largest_magnitude


def round_matrices(
  x: jax.Array,
  format: Format,
  *,
  round: Round | None = None,
  blocks: Blocks | None = None,
) -> Rounded:
  """The blocks of `[..., F, D]` on the grid; a tensor scale for each `[F, D]`.

  Args:
    x: any float type.
    format: the blocks' format.
    round: of scaled numbers; by default to the nearest.
    blocks: by default runs of the format's length along the last axis.

  Returns:
    Blocks, and tensor scales with two axes of 1 for `F` and the blocks.

  Raises:
    ValueError: `D`, or with tiles `F`, is no multiple of the block.
  """
  cut = (blocks or Runs(format.block)).cut(x.astype(jnp.float32))
  largest = largest_magnitude(block_max(cut), axis=(-2, -1), keepdims=True)
  return format.round(cut, largest, round or format.grid.round)


def round_rows(
  x: jax.Array, format: Format, *, round: Round | None = None
) -> Rounded:
  """As `round_matrices`, with a tensor scale for each row `[D]`."""
  cut = Runs(format.block).cut(x.astype(jnp.float32))
  largest = largest_magnitude(block_max(cut), axis=-1, keepdims=True)
  return format.round(cut, largest, round or format.grid.round)


def restore(rounded: Rounded) -> jax.Array:
  """`q (s_b t)`, blocks `[..., n, b]` float32."""
  factor = rounded.scales * rounded.tensor_scale
  return rounded.values * factor[..., None]


def quantize_dequantize(
  x: jax.Array,
  format: Format,
  *,
  round: Round | None = None,
  blocks: Blocks | None = None,
) -> jax.Array:
  """`[..., F, D]` float32 as `format` keeps it; arguments as above."""
  blocks = blocks or Runs(format.block)
  rounded = round_matrices(x, format, round=round, blocks=blocks)
  return blocks.join(restore(rounded))
