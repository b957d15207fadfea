"""cuDNN's attention, for NVIDIA's GPUs.

`jax.nn.dot_product_attention` with its cuDNN kernel, after FlashAttention-2
(arXiv 2307.08691): scores are made, used and dropped block by block, forward
and backward. It multiplies bfloat16 and adds up in float32.

The kernel knows causal attention and an array that is added to the scores.
Padding, branches and pages are hidden inside the product of queries and keys
(`hidden_positions`), where a head has room for it. Where it has none, or where
sequences share a row, an array `[B, 1, T, S]` in bfloat16 is added, once for
all heads and layers. T5's relative bias `[1, H, T, S]` is such an array, too.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.nn.attention import KeyValues
from gr_jax.nn.attention_mask import AttentionMask
from gr_jax.nn.hidden_positions import (
  HIDDEN,
  HiddenPositions,
  extended,
  group_count,
  hidden_by,
)
from gr_jax.parallel.attention_split import attend_on_mesh

Implementation = Literal["cudnn", "xla"]

WIDEST = 128  # Numbers of a head that every GPU's kernel takes.
_STEP = 8
_BFLOAT16 = jnp.dtype(jnp.bfloat16)


@struct.dataclass
class CudnnAttention:
  """Attention under one mask, for all layers.

  Attributes:
    hidden: what is hidden inside the product; None = nothing.
    bias: `[B, 1, T, S]` or `[1, H, T, S]`, added to the scores; None without.
    causal: whether the kernel leaves out the future.
    dtype: the numbers that are multiplied; the kernel takes 16 bits.
    implementation: "cudnn"; "xla" is the same without the kernel.
  """

  hidden: HiddenPositions | None
  bias: jax.Array | None
  causal: bool = struct.field(pytree_node=False)
  dtype: jnp.dtype = struct.field(pytree_node=False)
  implementation: Implementation = struct.field(pytree_node=False)

  def attend(self, queries: jax.Array, cached: KeyValues) -> jax.Array:
    """`[B, T, H h]` of queries `[B, T, H, h]`; see `attention.attend`."""
    B, T, H, h = queries.shape
    # The kernel's backward pass takes no odd lengths. What is filled up stands
    # in the future, or is hidden as padding is.
    q, k, v = (
      _filled(x.astype(self.dtype), axis=1)
      for x in (queries, cached.keys, cached.values)
    )
    if self.hidden is not None:
      rows = _filled(self.hidden.rows, axis=1)
      columns = _filled(self.hidden.columns, axis=1, value=-1)
      width = _rounded(h + rows.shape[-1])
      q, k = extended(q, rows, width=width), extended(k, columns, width=width)
      v = jnp.pad(v, ((0, 0), (0, 0), (0, 0), (0, width - h)))
    others = ()
    if self.bias is not None:
      columns = _filled(self.bias, axis=3, value=-HIDDEN)
      others = (_filled(columns, axis=2).astype(self.dtype),)

    def run(q, k, v, bias=None):
      return jax.nn.dot_product_attention(
        q,
        k,
        v,
        bias,
        scale=h**-0.5,
        is_causal=self.causal,
        implementation=self.implementation,
      )

    out = attend_on_mesh(run, q, k, v, *others)
    return out[:, :T, :, :h].reshape(B, T, H * h).astype(queries.dtype)


def cudnn_attention(
  mask: AttentionMask,
  *,
  head_size: int,
  bias: jax.Array | None = None,
  dtype: jnp.dtype = _BFLOAT16,
  implementation: Implementation = "cudnn",
) -> CudnnAttention | None:
  """The kernel's form of a mask, or None where it would need too much.

  Args:
    mask: who attends to whom.
    head_size: `h`.
    bias: `[H, T, S]`, added to the scores; None without.
    dtype: see `CudnnAttention`.
    implementation: see `CudnnAttention`.
  """
  if head_size % _STEP or head_size > WIDEST:
    return None
  causal, columns = mask.pattern.causal, mask.pattern.columns.size
  if mask.there is None and not causal and columns % _STEP:
    # There is padding then, the columns that are filled up.
    mask = dataclasses.replace(mask, there=jnp.ones((1, columns), bool))
  added = None if bias is None else bias[None]
  fits = _rounded(head_size + group_count(mask)) <= WIDEST
  if mask.segments is None and fits:
    hidden = hidden_by(mask)
    return CudnnAttention(hidden, added, causal, dtype, implementation)
  if bias is not None:
    return None  # It would grow to `[B, H, T, S]`.
  added = jnp.where(mask.dense(), 0, -HIDDEN)[:, None].astype(dtype)
  return CudnnAttention(None, added, causal, dtype, implementation)


def _rounded(number: int) -> int:
  return -(-number // _STEP) * _STEP


def _filled(x: jax.Array, *, axis: int, value: float = 0.0) -> jax.Array:
  room = [(0, 0)] * x.ndim
  room[axis] = (0, -x.shape[axis] % _STEP)
  return jnp.pad(x, room, constant_values=value)
