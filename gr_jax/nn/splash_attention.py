"""Splash attention, for TPUs.

JAX's Pallas kernel of block-sparse FlashAttention: what a mask leaves out block
by block is neither read nor computed. Masks are known when the program is
traced; a causal one is computed inside the kernel, of others only the blocks
that are neither full nor empty are kept, equal ones once. Padding and sequences
that share a row go by the kernel's segment numbers, of which query and key need
the same; padding reads padding, so that no row is empty. Pages, which differ
from row to row and read one prompt, are hidden inside the product of queries
and keys (`hidden_positions`).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.experimental.pallas.ops.tpu.splash_attention import (
  splash_attention_kernel as splash,
)
from jax.experimental.pallas.ops.tpu.splash_attention import (
  splash_attention_mask as masks,
)

from gr_jax.nn.attention import KeyValues
from gr_jax.nn.attention_mask import AttentionMask, Pattern
from gr_jax.nn.hidden_positions import HiddenPositions, extended, other_owners
from gr_jax.parallel.attention_split import attend_on_mesh, position_parts
from gr_jax.parallel.mesh import SEQUENCE

# Rows and columns of a block: the kernel's lanes, and multiples of them.
_BLOCKS = (512, 256, 128)


@struct.dataclass
class SplashAttention:
  """Attention under one mask, for all layers.

  Attributes:
    segments: those of rows `[B, T]` and of columns `[B, S]`; None = one.
    hidden: the pages that a row does not read; None without pages.
    pattern: what is known when a program is traced.
    dtype: the numbers that are multiplied.
    interpret: whether the kernel is interpreted, where there is no TPU.
  """

  segments: tuple[jax.Array, jax.Array] | None
  hidden: HiddenPositions | None
  pattern: Pattern = struct.field(pytree_node=False)
  dtype: jnp.dtype = struct.field(pytree_node=False)
  interpret: bool = struct.field(pytree_node=False)

  def attend(self, queries: jax.Array, cached: KeyValues) -> jax.Array:
    """`[B, T, H h]` of queries `[B, T, H, h]`; see `attention.attend`."""
    B, T, H, h = queries.shape
    q, k, v = queries * h**-0.5, cached.keys, cached.values
    if self.hidden is not None:
      width = h + self.hidden.rows.shape[-1]
      q = extended(q, self.hidden.rows, width=width)
      k = extended(k, self.hidden.columns, width=width)
    parts = position_parts()
    rows, columns = padded_shape(self.pattern, parts)
    q = _padded(q, rows).astype(self.dtype)
    k, v = (_padded(x, columns).astype(self.dtype) for x in (k, v))
    others = ()
    if self.segments is not None:
      sizes = zip(self.segments, (rows, columns))
      others = tuple(_padded(x, size) for x, size in sizes)

    def run(q, k, v, *segments):
      kernel = _kernel(self.pattern, parts, self.interpret)
      if q.shape[1] < rows:
        here = functools.partial(_part, count=parts)
        kernel = _kernel_part(kernel, here)
        segments = (here(segments[0], axis=1), *segments[1:])
      ids = splash.SegmentIds(*segments) if segments else None
      heads = (x.swapaxes(1, 2) for x in (q, k, v))
      axes = (0, 0, 0, 0 if segments else None)
      attend: Any = jax.vmap(kernel, in_axes=axes)
      return attend(*heads, ids).swapaxes(1, 2)

    out = attend_on_mesh(run, q, k, v, *others)
    return out[:, :T].reshape(B, T, H * h).astype(queries.dtype)


def splash_attention(
  mask: AttentionMask, *, dtype: jnp.dtype, interpret: bool = False
) -> SplashAttention:
  """The kernel's form of a mask; see `SplashAttention`."""
  return SplashAttention(
    _segments(mask),
    None
    if mask.pages is None
    else other_owners(mask.pages, mask.pages, mask.page_count),
    mask.pattern,
    dtype,
    interpret,
  )


def _segments(mask: AttentionMask) -> tuple[jax.Array, jax.Array] | None:
  """Numbers of rows and columns: 0 for padding, from 1 on for what is there."""
  if mask.there is None and mask.segments is None:
    return None
  own = jnp.int32(1) if mask.segments is None else 1 + mask.segments
  if mask.there is None:
    return own, own
  columns = jnp.where(mask.there, own, 0).astype(jnp.int32)
  if mask.pattern.rows == mask.pattern.columns:
    return columns, columns
  rows = jnp.ones((len(columns), mask.pattern.rows.size), jnp.int32)
  return rows, columns


def padded_shape(pattern: Pattern, parts: int = 1) -> tuple[int, int]:
  """Rows and columns of whole blocks, in each of equal parts of the rows."""
  T, S = pattern.shape
  own = -(-T // parts)
  return parts * (own + -own % _block(own)), S + -S % _block(S)


def _block(size: int) -> int:
  """The largest block that adds at most an eighth to `size`, else the least."""
  # Up to one large block, only lanes are filled up.
  if size <= _BLOCKS[0]:
    return size + -size % _BLOCKS[-1]
  for block in _BLOCKS:
    if -size % block <= size // 8:
      return block
  return _BLOCKS[-1]


def _padded(x: jax.Array, size: int) -> jax.Array:
  room = [(0, 0)] * x.ndim
  room[1] = (0, size - x.shape[1])
  return jnp.pad(x, room)


@dataclasses.dataclass(frozen=True)
class _PatternMask(masks.Mask):
  """A pattern, filled up with rows that read all and columns unread."""

  pattern: Pattern
  padded: tuple[int, int]

  @property
  def shape(self) -> tuple[int, int]:
    return self.padded

  def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
    T, S = self.pattern.shape
    rows, columns = (
      slice(part.start or 0, size if part.stop is None else part.stop)
      for part, size in zip(index, self.padded)
    )
    found = np.zeros(
      (rows.stop - rows.start, columns.stop - columns.start), bool
    )
    inside = self.pattern.block(
      slice(rows.start, min(rows.stop, T)),
      slice(columns.start, min(columns.stop, S)),
    )
    found[: inside.shape[0], : inside.shape[1]] = inside
    found[max(T - rows.start, 0) :, : max(S - columns.start, 0)] = True
    return found


def _kernel(
  pattern: Pattern, parts: int, interpret: bool
) -> splash.SplashAttentionKernel:
  """The kernel of a pattern; JAX keeps the tables that it makes of a mask."""
  shape = padded_shape(pattern, parts)
  if pattern.causal and not pattern.has_owners and shape[0] == shape[1]:
    mask: masks.Mask = masks.CausalMask(shape)
  else:
    mask = _PatternMask(pattern, shape)
  T, S = pattern.shape
  rows, columns = _block(-(-T // parts)), _block(S)
  return splash.make_splash_mha(
    # One mask stands for all heads.
    masks.MultiHeadMask((mask,)),
    block_sizes=splash.BlockSizes(
      block_q=rows,
      block_kv=columns,
      block_q_dkv=rows,
      block_kv_dkv=columns,
      block_q_dq=rows,
      block_kv_dq=columns,
    ),
    head_shards=1,
    q_seq_shards=parts,
    interpret=interpret,
  )


def _part(x: jax.Array, *, axis: int, count: int) -> jax.Array:
  """This device's part along the axis sequence."""
  size = x.shape[axis] // count
  start = jax.lax.axis_index(SEQUENCE) * size
  return jax.lax.dynamic_slice_in_dim(x, start, size, axis)


def _kernel_part(
  kernel: splash.SplashAttentionKernel, here: Callable[..., jax.Array]
) -> splash.SplashAttentionKernel:
  """The kernel of one device's rows: its tables have an axis of blocks."""
  (*tables,), options = kernel.tree_flatten()

  def part(table):
    if table is None:
      return None
    blocks = {"data_next": 1, "mask_next": 1, "block_mask": 1, "q_sequence": 0}
    given = {name: getattr(table, name) for name in blocks}
    return table._replace(
      **{
        name: here(x, axis=blocks[name])
        for name, x in given.items()
        if x is not None
      }
    )

  return splash.SplashAttentionKernel.tree_unflatten(
    options, [part(table) for table in tables]
  )
