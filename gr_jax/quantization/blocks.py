"""The numbers that share a scale: runs of a row, or square tiles.

Formats see `[..., n, b]`: `n` blocks of `b` numbers. How the numbers of an
array `[..., F, D]` come into blocks stands here, and nowhere else:

  Runs(b)   b neighbours of a row: `[..., F, D / b, b]`.
  Tiles(b)  b x b squares: `[..., F / b, D / b, b b]`. A scale serves the
            transposed array as well, so that the backward pass of a product
            multiplies by the same numbers as the forward pass (NVIDIA's recipe
            for NVFP4 pretraining, arXiv 2509.25149, section 4). In storage the
            scale is repeated in each of the `b` rows, as the product reads it.
"""

import dataclasses
from typing import Protocol

import jax
import jax.numpy as jnp


class Blocks(Protocol):
  """Cuts `[..., F, D]` into blocks and puts it together again."""

  def cut(self, x: jax.Array) -> jax.Array:
    """`[..., F, D]` to blocks."""
    ...

  def join(self, blocks: jax.Array) -> jax.Array:
    """The inverse of `cut`."""
    ...

  def rows_of_scales(self, scales: jax.Array) -> jax.Array:
    """One scale a block to `[..., F, D / b]`, one for each run of a row."""
    ...


def _check(name: str, size: int, block: int) -> None:
  if size % block:
    raise ValueError(
      f"{size} {name} are no multiple of the block of {block}; leave this "
      "array unquantized, or pad it with zeros."
    )


@dataclasses.dataclass(frozen=True)
class Runs:
  """Blocks along the last axis.

  Attributes:
    size: `b`.
  """

  size: int = 16

  def cut(self, x: jax.Array) -> jax.Array:
    """`[..., F, D]` to `[..., F, D / b, b]`.

    Raises:
      ValueError: `D` is no multiple of `b`.
    """
    _check("columns", x.shape[-1], self.size)
    return x.reshape(*x.shape[:-1], -1, self.size)

  def join(self, blocks: jax.Array) -> jax.Array:
    """`[..., F, D / b, b]` to `[..., F, D]`."""
    return blocks.reshape(*blocks.shape[:-2], -1)

  def rows_of_scales(self, scales: jax.Array) -> jax.Array:
    """`[..., F, D / b]` as they are."""
    return scales


@dataclasses.dataclass(frozen=True)
class Tiles:
  """Square blocks of the last two axes.

  Attributes:
    size: `b`.
  """

  size: int = 16

  def cut(self, x: jax.Array) -> jax.Array:
    """`[..., F, D]` to `[..., F / b, D / b, b b]`.

    Raises:
      ValueError: `F` or `D` is no multiple of `b`.
    """
    b = self.size
    *lead, rows, columns = x.shape
    _check("rows", rows, b)
    _check("columns", columns, b)
    tiles = x.reshape(*lead, rows // b, b, columns // b, b)
    return jnp.swapaxes(tiles, -3, -2).reshape(
      *lead, rows // b, columns // b, b * b
    )

  def join(self, blocks: jax.Array) -> jax.Array:
    """`[..., F / b, D / b, b b]` to `[..., F, D]`."""
    b = self.size
    *lead, rows, columns, _ = blocks.shape
    tiles = blocks.reshape(*lead, rows, columns, b, b)
    return jnp.swapaxes(tiles, -3, -2).reshape(*lead, rows * b, columns * b)

  def rows_of_scales(self, scales: jax.Array) -> jax.Array:
    """`[..., F / b, D / b]` to `[..., F, D / b]`."""
    return jnp.repeat(scales, self.size, axis=-2)
