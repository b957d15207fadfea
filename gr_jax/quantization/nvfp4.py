"""NVFP4: E2M1 in blocks of 16, E4M3 scales, one float32 tensor scale.

  t = max|X| / (6 448),  s_b = E4M3(max|x_b| / (6 t)),  q = E2M1(x / (s_b t))

(arXiv 2509.25149, section 2 and appendix C). A block's largest number becomes
6, the tensor's largest scale 448. The two classes here do it in the order of
two programs, which differ in how they round and in the least scale:

  Torchao   s_b = E4M3(clip((max|x_b| / 6) / t, 2^-6, 448)),
            q = E2M1(x ((1 / t) / s_b)):
            torchao 0.18, `prototype/mx_formats/nvfp4_tensor.py`. Its least
            scale is E4M3's least normal number.
  Modelopt  s_b = E4M3(clip(max|x_b| / (6 t), 2^-9, 448)), 1 for a block of
            zeros, q = E2M1(x / (s_b t)), and -0 is +0:
            NVIDIA modelopt 0.47, `torch/quantization/qtensor/nvfp4_tensor.py`.

Both make NaN of a tensor of zeros; here its codes are zeros and `t` is 1. A
number that is not finite makes all that share its tensor scale NaN or, with
infinities alone, NaN as well (`0 inf`): nothing is hidden.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.quantization.formats import (
  E2M1,
  Grid,
  Round,
  Rounded,
  block_max,
  divide,
  exact,
  live,
)
from gr_jax.quantization.minifloat import round_to_e4m3

BLOCK = 16
LARGEST = 6.0 * 448.0
"""The largest magnitude in units of the tensor scale."""


def tensor_scale(tensor_max: jax.Array) -> jax.Array:
  """`t = max|X| / 2688`; 1 where `max|X|` is 0 or nearly."""
  largest = live(tensor_max, largest=LARGEST)
  return exact(divide(largest, LARGEST))


@dataclasses.dataclass(frozen=True)
class _Nvfp4:
  """What both have in common."""

  @property
  def block(self) -> int:
    """16."""
    return BLOCK

  @property
  def grid(self) -> Grid:
    """E2M1."""
    return E2M1

  @property
  def scale_type(self) -> jnp.dtype:
    """E4M3."""
    return jnp.dtype(jnp.float8_e4m3fn)


@dataclasses.dataclass(frozen=True)
class Torchao(_Nvfp4):
  """NVFP4 in torchao's order of rounding."""

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`."""
    t = tensor_scale(tensor_max)
    wanted = divide(exact(divide(block_max(blocks), 6.0)), t)
    scales = round_to_e4m3(jnp.clip(wanted, 2.0**-6, 448.0))
    inverse = divide(exact(1 / t), scales)
    return Rounded(round(blocks * inverse[..., None]), scales, t)


@dataclasses.dataclass(frozen=True)
class Modelopt(_Nvfp4):
  """NVFP4 in modelopt's order of rounding."""

  def round(
    self, blocks: jax.Array, tensor_max: jax.Array, round: Round
  ) -> Rounded:
    """See `formats.Format`."""
    t = tensor_scale(tensor_max)
    wanted = divide(block_max(blocks), exact(6 * t))
    wanted = jnp.where(wanted == 0, 1.0, wanted)
    scales = round_to_e4m3(jnp.clip(wanted, 2.0**-9, 448.0))
    scaled = divide(blocks, (scales * t)[..., None])
    scaled = jnp.where(scaled == 0, 0.0, scaled)
    return Rounded(round(scaled), scales, t)
