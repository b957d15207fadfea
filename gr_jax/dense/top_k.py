"""The best k of every item, scored block by block on the device.

Scores `[R, N]` never exist as a whole: a scan over blocks of items keeps the
best k so far. Exact with `jax.lax.top_k`; on a TPU, whose sorting is slow,
`jax.lax.approx_max_k` finds nearly all of each block's best.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Select = Callable[[jax.Array, int], tuple[jax.Array, jax.Array]]
"""Scores `[R, n]` and `k` to the best, best first, and their columns."""

BLOCK = 8192


class Blocks(NamedTuple):
  """Items in blocks; `cut` makes them.

  Attributes:
    vectors: `[n, block, D]`, zeros at the end.
    count: N, how many are items; an array, so that a catalogue that grows in
      its last block compiles nothing.
  """

  vectors: jax.Array
  count: jax.Array


class Best(NamedTuple):
  """Scores `[R, k]`, best first, and rows, -1 where there is none."""

  scores: jax.Array
  rows: jax.Array


def cut(vectors: np.ndarray | jax.Array, *, block: int = BLOCK) -> Blocks:
  """Blocks of `[N, D]` vectors, of `N` rows where that is less."""
  count, width = vectors.shape
  block = min(block, count)
  padded = np.zeros((-(-count // block) * block, width), np.float32)
  padded[:count] = vectors
  vectors = padded.reshape(-1, block, width)
  return Blocks(jax.device_put(vectors), jax.device_put(np.int32(count)))


@functools.partial(jax.jit, static_argnames=("k", "select"))
def best_rows(
  requests: jax.Array,
  items: Blocks,
  hidden: jax.Array,
  *,
  k: int,
  select: Select = jax.lax.top_k,
) -> Best:
  """The k items of the largest products, ties to the lower row.

  Requests `[R, D]` do not get the rows `hidden [R, E]`, -1 = none; `select`
  gives the best of one block.
  """
  n, block, _ = items.vectors.shape
  row = jnp.arange(len(requests))[:, None]

  def look(best: Best, part):
    first, vectors = part
    scores = jnp.matmul(
      requests, vectors.T, precision=jax.lax.Precision.HIGHEST
    )
    there = first + jnp.arange(block) < items.count
    inside = (hidden >= first) & (hidden < first + block)
    scores = jnp.where(there, scores, -jnp.inf)
    scores = scores.at[row, jnp.where(inside, hidden - first, block)].set(
      -jnp.inf, mode="drop"
    )
    found, columns = select(scores, min(k, block))
    # What was found before stands first: it wins ties.
    scores = jnp.concatenate((best.scores, found), axis=1)
    rows = jnp.concatenate((best.rows, first + columns), axis=1)
    scores, places = jax.lax.top_k(scores, k)
    rows = jnp.take_along_axis(rows, places, axis=1)
    return Best(scores, rows.astype(jnp.int32)), None

  shape = len(requests), k
  empty = Best(jnp.full(shape, -jnp.inf), jnp.full(shape, -1, jnp.int32))
  firsts = jnp.arange(n, dtype=jnp.int32) * block
  best, _ = jax.lax.scan(look, empty, (firsts, items.vectors))
  rows = jnp.where(best.scores > -jnp.inf, best.rows, -1)
  return Best(best.scores, rows)
