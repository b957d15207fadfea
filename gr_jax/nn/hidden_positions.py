"""Hides positions inside the product of queries and keys.

Kernels of attention know few masks. What they do not know is added to the
scores by a few more numbers on each head (`[OURS]`): one pair of numbers for
each group of positions `c`,

  q'(t) = [q(t), z if c is hidden from t, else 0]
  k'(s) = [k(s), -1 if s is in c, else 0]

  q'(t) · k'(s) = q(t) · k(s)        where s is seen, exactly,
  q'(t) · k'(s) = q(t) · k(s) - z    where it is hidden,

with `z = 2^16`, of which softmax leaves nothing. Padding is one group, and so
is each branch and each page. Nothing of size `[T, S]` is made. A row to which
all is hidden has finite weights.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.nn.attention_mask import AttentionMask

HIDDEN = 2.0**16


class HiddenPositions(NamedTuple):
  """What is added to heads.

  Attributes:
    rows: `[B, T, C]` or `[1, T, C]`, of queries.
    columns: `[B, S, C]` or `[1, S, C]`, of keys.
  """

  rows: jax.Array
  columns: jax.Array


def padding(there: jax.Array, rows: int) -> HiddenPositions:
  """Hides columns where `there` `[B, S]` is False from all `rows`; `C = 1`."""
  return HiddenPositions(
    jnp.full((1, rows, 1), HIDDEN), -1.0 * ~there[..., None]
  )


def other_owners(
  rows: jax.Array | np.ndarray, columns: jax.Array | np.ndarray, count: int
) -> HiddenPositions:
  """Hides columns of one owner from rows of another; `C = count`.

  Args:
    rows: `[B, T]`, the owners.
    columns: `[B, S]`, 0 where all read.
    count: the largest owner.
  """
  owners = jnp.arange(1, count + 1)
  return HiddenPositions(
    HIDDEN * (rows[..., None] != owners), -1.0 * (columns[..., None] == owners)
  )


def hidden_by(mask: AttentionMask) -> HiddenPositions | None:
  """All that a mask hides but the future and other segments; None = nothing."""
  parts, pattern = [], mask.pattern
  if mask.there is not None:
    parts.append(padding(mask.there, pattern.rows.size))
  if pattern.has_owners:
    rows, columns = (b.owners()[None] for b in (pattern.rows, pattern.columns))
    parts.append(other_owners(rows, columns, pattern.columns.count))
  if mask.pages is not None:
    parts.append(other_owners(mask.pages, mask.pages, mask.page_count))
  return joined(parts) if parts else None


def group_count(mask: AttentionMask) -> int:
  """`C` of `hidden_by`."""
  return (mask.there is not None) + mask.pattern.columns.count + mask.page_count


def joined(parts: list[HiddenPositions]) -> HiddenPositions:
  """Hides what any of the parts hides."""

  def join(arrays):
    batch = max(len(x) for x in arrays)
    wide = [jnp.broadcast_to(x, (batch, *x.shape[1:])) for x in arrays]
    return jnp.concatenate(wide, axis=-1)

  return HiddenPositions(
    join([part.rows for part in parts]), join([part.columns for part in parts])
  )


def extended(heads: jax.Array, numbers: jax.Array, *, width: int) -> jax.Array:
  """Heads `[B, T, H, h]`, numbers `[B, T, C]`, zeros: `[B, T, H, width]`."""
  B, T, H, h = heads.shape
  C = numbers.shape[-1]
  wide = jnp.broadcast_to(numbers[:, :, None], (B, T, H, C))
  both = jnp.concatenate((heads, wide.astype(heads.dtype)), axis=-1)
  return jnp.pad(both, ((0, 0), (0, 0), (0, 0), (0, width - h - C)))
