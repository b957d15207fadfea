"""Who attends to whom, said once for every form of attention.

A mask is a rule and not an array. Position `t` attends to `s` where

  there(s),  s <= t if causal,
  owner(s) = 0  or  owner(s) = owner(t),
  page(s) = 0  or  page(s) = page(t),
  segment(s) = segment(t).

Owners are known when a program is traced, from two lengths: a prompt that all
read, then blocks that do not read each other. Pages are owners that differ from
row to row of a batch, and segments are sequences that share a row. The plain
attention makes its array of the rule (`dense`); the kernels of accelerators
need none, which is what makes them cheap in memory.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct


@dataclasses.dataclass(frozen=True)
class Blocks:
  """Positions that all read, then `count` blocks of one `length`."""

  shared: int
  count: int = 0
  length: int = 0

  @property
  def size(self) -> int:
    """The number of all positions."""
    return self.shared + self.count * self.length

  def owners(self) -> np.ndarray:
    """`[size]`: 0 for what all read, then 1 to `count`."""
    blocks = np.repeat(np.arange(1, self.count + 1), self.length)
    return np.concatenate((np.zeros(self.shared, int), blocks)).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Pattern:
  """The part of a mask that is known when a program is traced.

  Attributes:
    rows: the positions that attend, `T` of them.
    columns: the positions that are attended to, `S` of them.
    causal: only to what is not behind, `s <= t`.
  """

  rows: Blocks
  columns: Blocks
  causal: bool

  @property
  def shape(self) -> tuple[int, int]:
    """`(T, S)`."""
    return self.rows.size, self.columns.size

  @property
  def has_owners(self) -> bool:
    """Whether some positions are not read by all."""
    return self.columns.count > 0

  def block(self, rows: slice, columns: slice) -> np.ndarray:
    """The rule for a block of rows and columns, a boolean array."""
    T, S = self.shape
    t, s = np.arange(T)[rows, None], np.arange(S)[None, columns]
    kept = (s <= t) if self.causal else np.ones((t.size, s.size), bool)
    if not self.has_owners:
      return kept
    owner = self.columns.owners()[None, columns]
    return kept & ((owner == 0) | (owner == self.rows.owners()[rows, None]))


@struct.dataclass
class AttentionMask:
  """The rule above for a batch.

  Attributes:
    there: `[B, S]`, True where a column says something; None = everywhere.
    pages: `[B, T]` or `[1, T]` from 0 to `page_count`, of rows and columns
      alike; None = one page.
    segments: `[B, T]`, of rows and columns alike; None = one segment.
    pattern: what does not depend on the batch.
    page_count: the largest page.
  """

  there: jax.Array | None
  pages: jax.Array | None
  segments: jax.Array | None
  pattern: Pattern = struct.field(pytree_node=False)
  page_count: int = struct.field(pytree_node=False, default=0)

  def dense(self) -> jax.Array:
    """The rule as an array `[B, T, S]` or `[1, T, S]`, True = keep."""
    T, S = self.pattern.shape
    kept = jnp.ones((1, T, S), bool)
    if self.pattern.causal:
      kept = jnp.arange(S) <= jnp.arange(T)[None, :, None]
    if self.pattern.has_owners:
      # As arrays of JAX: those of numpy would be a constant of `[T, S]`.
      rows = jnp.asarray(self.pattern.rows.owners())
      columns = jnp.asarray(self.pattern.columns.owners())
      kept &= (columns == 0) | (rows[:, None] == columns)
    if self.pages is not None:
      pages = self.pages[:, None]
      kept &= (pages == 0) | (self.pages[:, :, None] == pages)
    if self.segments is not None:
      kept &= self.segments[:, :, None] == self.segments[:, None]
    if self.there is not None:
      kept &= self.there[:, None]
    return kept


def causal_mask(there: jax.Array) -> AttentionMask:
  """A text `[B, T]`: every position attends to those before and to itself."""
  size = Blocks(there.shape[1])
  return AttentionMask(there, None, None, Pattern(size, size, causal=True))


def branch_mask(there: jax.Array, branches: int, length: int) -> AttentionMask:
  """A prompt and its continuations, which do not read each other; causal.

  Args:
    there: `[B, S + branches length]`.
    branches: the number of continuations.
    length: the length of each.
  """
  blocks = Blocks(there.shape[1] - branches * length, branches, length)
  return AttentionMask(there, None, None, Pattern(blocks, blocks, causal=True))


def page_mask(
  there: jax.Array, pages: jax.Array, *, page_count: int
) -> AttentionMask:
  """A prompt and pages after it, which do not read each other; causal.

  Args:
    there: `[B, T]`.
    pages: `[B, T]`, 0 for the prompt, then 1 to `page_count`.
    page_count: the largest number of pages.
  """
  size = Blocks(there.shape[1])
  pattern = Pattern(size, size, causal=True)
  return AttentionMask(there, pages, None, pattern, page_count)


def packed_mask(there: jax.Array, segments: jax.Array) -> AttentionMask:
  """Sequences `[B, T]` that share rows and do not read each other; causal."""
  size = Blocks(there.shape[1])
  return AttentionMask(there, None, segments, Pattern(size, size, causal=True))


def two_way_mask(
  there: jax.Array | None, columns: Blocks, rows: Blocks | None = None
) -> AttentionMask:
  """What an encoder reads, or a decoder of what was encoded; both ways.

  Args:
    there: `[B, S]`.
    columns: the positions that are read; blocks do not read each other.
    rows: the positions that read; None = the columns.
  """
  pattern = Pattern(rows or columns, columns, causal=False)
  return AttentionMask(there, None, None, pattern)
