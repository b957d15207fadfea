"""Formats of blocks: what a format gets, and what it makes of it.

A format rounds blocks `x_b` of `b` numbers to a small grid of codes and gives
every block a scale `s_b` of a narrow type; some share one float32 scale `t`
beside it, the tensor scale:

  x ≈ q s_b t,  q on the grid

Formats that round in different orders differ in a few bits in a thousand. Each
of those here is one public program's order, bit for bit (`modes.MODES` names
them); `divide` and `exact` keep XLA from another.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from gr_jax.quantization import e2m1
from gr_jax.quantization.minifloat import largest_magnitude, power_of_two

Round = Callable[[jax.Array], jax.Array]
"""From float32 numbers to numbers on a grid, of the same shape."""


class Rounded(NamedTuple):
  """Blocks on the grid, not yet packed.

  Attributes:
    values: `[..., n, b]` float32, on the grid.
    scales: `[..., n]` float32, numbers of the format's `scale_type`.
    tensor_scale: float32, of the shape of the tensor's largest number.
  """

  values: jax.Array
  scales: jax.Array
  tensor_scale: jax.Array


@dataclasses.dataclass(frozen=True)
class Grid:
  """The numbers that four bits stand for.

  Attributes:
    round: to the nearest of them, saturating.
    round_stochastically: to one of the two nearest, unbiased within the grid;
      takes a key beside the numbers.
    encode: from numbers on the grid to codes below 16.
    decode: from codes to float32.
  """

  round: Round
  round_stochastically: Callable[[jax.Array, jax.Array], jax.Array]
  encode: Callable[[jax.Array], jax.Array]
  decode: Callable[[jax.Array], jax.Array]


E2M1 = Grid(
  e2m1.round_to_nearest, e2m1.round_stochastically, e2m1.encode, e2m1.decode
)


class Format(Protocol):
  """A frozen dataclass; two that are equal round alike."""

  @property
  def block(self) -> int:
    """`b`, along the contracted axis."""
    ...

  @property
  def grid(self) -> Grid:
    """The numbers of the codes."""
    ...

  @property
  def scale_type(self) -> jnp.dtype:
    """The type that stores `s_b`."""
    ...

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """Blocks `[..., n, b]` float32 on the grid.

    Args:
      blocks: the numbers.
      tensor_max: the largest magnitude of those that share `t`, an array that
        broadcasts with `[..., n]`.
      round: of scaled numbers, `grid.round` or with noise.
    """
    ...


def exact(x: jax.Array) -> jax.Array:
  """`x`, which XLA does not simplify together with what is made of it.

  It would turn `1 / (c / x)` into `x / c`, which rounds once less.
  """
  return jax.lax.optimization_barrier(x)


def divide(x: jax.Array, divisor: jax.Array | float) -> jax.Array:
  """`x / divisor` rounded once, for divisors that are not negative.

  A division by a constant, or by one number for many, becomes a product with a
  reciprocal in XLA, and a third of the quotients differ in the last bit. As
  `max(divisor, -|x|)`, which it is, the divisor looks like one for each number,
  and is not written out as one (an `optimization_barrier` on it would be).
  """
  return x / jnp.maximum(divisor, -jnp.abs(x))


def block_max(blocks: jax.Array) -> jax.Array:
  """The largest magnitude `[..., n]` of blocks `[..., n, b]`."""
  return largest_magnitude(blocks, axis=-1)


def live(tensor_max: jax.Array, *, largest: float) -> jax.Array:
  """The tensor's largest number, or `largest` where it is too small to divide.

  Below `2^-100 largest` (0 included) scales would leave float32's normal
  numbers, which CPUs flush and GPUs do not: such tensors become zeros, with a
  tensor scale of 1. NaN stays NaN.
  """
  # `2^-100 largest` is exact: it is a small integer times a power of two.
  small = tensor_max < largest * power_of_two(jnp.int32(-100))
  return jnp.where(small, jnp.float32(largest), tensor_max)
