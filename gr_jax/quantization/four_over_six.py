"""Four over six: NVFP4 blocks whose largest number becomes 6, or 4.

Between 4 and 6 E2M1 has nothing, so that numbers near a block's largest are its
worst. A block scaled to 4 has steps of 1 up to its end instead of 2; each block
takes what leaves it the smaller error (Cook et al., arXiv 2512.02010). With
`M` the largest scale, 256 in the paper, so that `1.5 s_b` is a number of E4M3,
or 448 as in NVFP4:

  t = 1 / (6 M / max|X|)
  s_6 = E4M3(max|x_b| / 6 (6 M / max|X|)),  s_4 = E4M3(1.5 of the same)
  q = E2M1(x (1 / (t s)))
  s_b = s_4 where err(q_4 s_4 max|X| / (6 M)) < err(q_6 s_6 max|X| / (6 M))

and `err` the squared or the absolute difference from `x`, summed over a block.
The order of rounding is that of the authors' `fouroversix` package,
`quantize/pytorch/reference.py`, with three differences, `[OURS]`: E4M3
saturates (beyond 448 theirs is NaN, which `M = 256` never reaches); so does
E2M1 (blocks with a subnormal scale can pass 7, where their packing leaves the
sign wrong); and the sum of a block's errors is that of its halves, added number
by number, until one is left, which makes it the same on every machine.

`Six` is the same without the choice. With `share = 16/17` no block leaves the
grid when its scale is rounded down (by 16/17 at most, for normal scales), and
stochastic rounding is unbiased (Quartet II, arXiv 2601.22813); the tensor's
largest number is then `6 M share t`.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.quantization.formats import (
  Round,
  Rounded,
  block_max,
  divide,
  exact,
  live,
)
from gr_jax.quantization.minifloat import round_to_e4m3
from gr_jax.quantization.nvfp4 import _Nvfp4

UNBIASED = 16 / 17

Error = Callable[[jax.Array], jax.Array]
"""From differences to what they cost, number by number."""


def squared(gap: jax.Array) -> jax.Array:
  """`gap^2`."""
  return gap * gap


def absolute(gap: jax.Array) -> jax.Array:
  """`|gap|`."""
  return jnp.abs(gap)


@dataclasses.dataclass(frozen=True)
class Six(_Nvfp4):
  """NVFP4 in the order of rounding of `fouroversix`, every block to 6.

  Attributes:
    e4m3_max: `M`, the scale of the block with the tensor's largest number.
    share: what a block's largest number becomes, of 6.
  """

  e4m3_max: int = 448
  share: float = 1.0

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`."""
    return self.at(1.0, blocks, tensor_max, round)

  @property
  def range(self) -> float:
    """`6 M share`, the tensor's largest number in units of `t`."""
    return float(np.float32(6 * self.e4m3_max * self.share))

  def at(
    self,
    stretch: jax.Array | float,
    blocks: jax.Array,
    tensor_max: jax.Array,
    round: Round,
  ) -> Rounded:
    """As `round`, with scales that are `stretch` times as large, by block."""
    largest = exact(live(tensor_max, largest=self.range))
    encode = exact(self.range / largest)
    t = exact(1 / encode)
    six = float(np.float32(6 * self.share))
    wanted = exact(divide(block_max(blocks), six)) * encode
    scales = round_to_e4m3(wanted * stretch)
    inverse = exact(1 / exact(t * scales))[..., None]
    scaled = jnp.where(scales[..., None] == 0, 0.0, blocks * inverse)
    return Rounded(round(scaled), scales, t)


@dataclasses.dataclass(frozen=True, repr=False)
class FourOverSix(_Nvfp4):
  """NVFP4 whose blocks choose between 4 and 6.

  Attributes:
    error: what a block compares, `squared` or `absolute`.
    e4m3_max: `M`.
  """

  error: Error = squared
  e4m3_max: int = 256

  def __repr__(self) -> str:
    """The same in every process, where a function's address is not."""
    name = getattr(self.error, "__name__", self.error)
    return f"FourOverSix({name}, {self.e4m3_max})"

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`."""
    six = Six(self.e4m3_max)
    largest = live(tensor_max, largest=six.range)[..., None]

    def error(stretch: float) -> jax.Array:
      rounded = six.at(stretch, blocks, tensor_max, round)
      scaled = exact(rounded.values * rounded.scales[..., None] * largest)
      restored = divide(scaled, six.range)
      return _sum_of_halves(exact(self.error(restored - blocks)))

    stretch = jnp.where(error(1.5) < error(1.0), 1.5, 1.0)
    return six.at(stretch, blocks, tensor_max, round)


def _sum_of_halves(x: jax.Array) -> jax.Array:
  """The sum over the last axis, a power of two long, in one fixed order.

  Two numbers a reduction: XLA orders longer ones as it likes, and is slower
  with halves that are sliced.
  """
  while x.shape[-1] > 1:
    halves = x.reshape(*x.shape[:-1], 2, -1)
    x = jnp.sum(halves, axis=-2)
  return x[..., 0]
