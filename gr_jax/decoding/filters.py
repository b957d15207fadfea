"""Per-request filters inside the search, exact at every level.

A prefix may stay in the beam only while an ID below it survives. The rows below
a node are one range `[a, b)` of the sorted IDs, so with `A(r)` allowed rows
before row `r` a node has

  live = A(b) - A(a) - #{distinct allowed rows of `excluded` in [a, b)}

surviving IDs and is dead at zero. The result of a search is thus that of a trie
from which the filtered IDs were removed. `[OURS]`: nothing is re-scored at
the leaves, and a short list of excluded rows needs no mask over the catalogue.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.trie import Trie


class RowMask(NamedTuple):
  """A mask over ID rows that counts a range in constant time.

  Attributes:
    words: `[W]` or `[B, W]` uint32, the mask, 32 rows a word, lowest bit first.
    before: as `words`, int32: rows of the mask in all words before this one.
  """

  words: jax.Array | np.ndarray
  before: jax.Array | np.ndarray

  def rank(self, rows: jax.Array) -> jax.Array:
    """Rows of the mask before each of `rows` `[B, ...]`, int32."""

    def one(words, before, rows):
      word = words.at[rows // 32].get(mode="clip")
      below = (jnp.uint32(1) << (rows % 32).astype(jnp.uint32)) - 1
      count = jax.lax.population_count(word & below).astype(jnp.int32)
      return before.at[rows // 32].get(mode="clip") + count

    axis = 0 if self.words.ndim == 2 else None
    return jax.vmap(one, in_axes=(axis, axis, 0))(self.words, self.before, rows)


class Filters(NamedTuple):
  """The IDs that one search leaves out; `None` where there are none.

  Attributes:
    allowed: the allowed rows.
    excluded: `[B, E]` int32 ID rows in ascending order.
    weights: `[B, E]` int32, 1 for the first of equal rows if it is allowed.
  """

  allowed: RowMask | None
  excluded: jax.Array | None
  weights: jax.Array | None


def make_row_mask(mask: jax.Array) -> RowMask:
  """Packs `[R]` or `[B, R]` bool; one word more than needed, for `rank(R)`."""
  words = mask.shape[-1] // 32 + 1
  pad = [(0, 0)] * (mask.ndim - 1) + [(0, 32 * words - mask.shape[-1])]
  packed = jnp.packbits(jnp.pad(mask, pad), axis=-1, bitorder="little")
  packed = packed.reshape(*mask.shape[:-1], words, 4)
  packed = jax.lax.bitcast_convert_type(packed, jnp.uint32)
  count = jax.lax.population_count(packed).astype(jnp.int32)
  # A tree of sums: XLA's cumulative sum takes twice as long on CPU.
  total = jax.lax.associative_scan(jnp.add, count, axis=-1)
  return RowMask(packed, total - count)


def pack_rows(mask: np.ndarray) -> RowMask:
  """`make_row_mask` on the host, for masks that are built there.

  A mask over a million rows then travels as 250 kB in place of a megabyte, and
  its packing is no part of the search, where XLA takes as long for it as for
  all the rest of one request.
  """
  words = mask.shape[-1] // 32 + 1
  pad = [(0, 0)] * (mask.ndim - 1) + [(0, 32 * words - mask.shape[-1])]
  packed = np.packbits(np.pad(mask, pad), axis=-1, bitorder="little")
  packed = packed.view("<u4").astype(np.uint32, copy=False)
  count = np.bitwise_count(packed).astype(np.int32)
  return RowMask(packed, np.cumsum(count, -1, dtype=np.int32) - count)


def make_filters(
  trie: Trie,
  excluded: jax.Array | None,
  allowed: jax.Array | RowMask | None,
) -> Filters:
  """Prepares `excluded` `[B, E]` rows and `allowed` `[R]` or `[B, R]` masks.

  Raises:
    ValueError: where `R` is not the trie's capacity, or `excluded` is not 2-D.
  """
  mask = weights = None
  if isinstance(allowed, RowMask):
    if allowed.words.shape[-1] != trie.capacity // 32 + 1:
      raise ValueError(
        f"allowed has {allowed.words.shape[-1]} words; the trie's capacity of "
        f"{trie.capacity} rows needs {trie.capacity // 32 + 1}."
      )
    mask = allowed
  elif allowed is not None:
    if allowed.shape[-1] != trie.capacity or allowed.ndim > 2:
      raise ValueError(
        f"allowed must be [{trie.capacity}] or [B, {trie.capacity}] (the "
        f"trie's capacity); got {allowed.shape}."
      )
    mask = make_row_mask(allowed)
  if excluded is not None:
    if excluded.ndim != 2:
      raise ValueError(f"excluded must be [B, E]; got {excluded.shape}.")
    excluded = jnp.sort(excluded, axis=-1)
    first = jnp.ones_like(excluded, bool)
    first = first.at[:, 1:].set(excluded[:, 1:] != excluded[:, :-1])
    weights = first.astype(jnp.int32)
    if mask is not None:
      weights *= mask.rank(excluded + 1) - mask.rank(excluded)
  return Filters(mask, excluded, weights)


def live_children(filters: Filters, rows: jax.Array) -> jax.Array:
  """Which children still have an ID that survives.

  Args:
    filters: from `make_filters`.
    rows: `[B, M, K + 1]` int32: the rows below child `k` of beam `m` are
      `rows[m, k]` to `rows[m, k + 1]` (excluded). Children that a beam lacks,
      and all children of a dead beam, have empty ranges.

  Returns:
    `[B, M, K]` bool.
  """
  rank = rows if filters.allowed is None else filters.allowed.rank(rows)
  live = rank[..., 1:] - rank[..., :-1]
  if filters.excluded is not None and filters.weights is not None:
    live -= jax.vmap(_excluded_below)(rows, filters.excluded, filters.weights)
  return live > 0


def _excluded_below(
  rows: jax.Array, excluded: jax.Array, weights: jax.Array
) -> jax.Array:
  """Excluded rows below each child, `[M, K]`, for `rows` `[M, K + 1]`.

  Each of the few excluded rows looks for the child it is in. The other way
  round, a binary search of the list for every child, is slower by 1.6 to 4.6
  times on CPU (512 rows, 50 beams of 256 children).
  """
  beams, branch = rows.shape[0], rows.shape[1] - 1
  row = excluded[:, None]
  inside = (rows[:, 0] <= row) & (row < rows[:, -1])
  beam = jnp.min(jnp.where(inside, jnp.arange(beams), beams), axis=-1)
  bounds = rows.at[beam, 1:].get(mode="clip")
  child = jnp.sum(bounds <= row, axis=-1)
  # Rows below no beam have beam number `beams` and are dropped.
  counts = jnp.zeros((beams, branch), jnp.int32)
  return counts.at[beam, child].add(weights, mode="drop")
