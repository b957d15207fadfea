r"""Matches: how often and how lately the history has what a target is.

For the item of a target and for its category of each level,

  m = c[floor(2 log2(1 + n))] + g[1 + floor(log2(1 + Δt))],  g[0] if n = 0

with the number `n` of the events read that have the same, and the seconds `Δt`
since the newest of them. ULTRA-HSTU's paper (arXiv 2602.16986) leaves it to
attention to find repeats, at its scale; with tables that a million events have
hardly touched attention finds next to none, and `m`, added to the input of the
target, says it in its place `[OURS]`.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import name_axes
from gr_jax.ranking.sequences import History, Targets

_BUCKETS = 33


class Matches(nn.Module):
  """`m` of targets.

  Attributes:
    levels: the number of category levels.
    width: `D`.
  """

  levels: int
  width: int

  def setup(self):
    shape = 1 + self.levels, _BUCKETS, self.width
    init = name_axes(nn.initializers.normal(0.1), ("norm", "kinds", "embed"))
    self.counts = self.param("counts", init, shape)
    self.gaps = self.param("gaps", init, shape)

  def __call__(
    self,
    history: History,
    targets: Targets,
    reads: jax.Array,
    categories: jax.Array | None,
  ) -> jax.Array:
    """`[R, T, D]`.

    Args:
      history: places of rows.
      targets: what is scored.
      reads: `[R, T, S]`, the places that targets read.
      categories: `[N, levels]` int32, -1 = unknown; None without.
    """
    found = jnp.zeros((), jnp.float32)
    for i in range(1 + self.levels):
      kinds = categories if i else None
      own, read = (
        _kind(x.items, kinds, level=i - 1) for x in (targets, history)
      )
      same = reads & (own[:, :, None] == read[:, None]) & (own >= 0)[:, :, None]
      count, gap = match_buckets(same, history.times, targets.times)
      found += self.counts[i][count] + self.gaps[i][gap]
    return found


def match_buckets(
  same: jax.Array, times: jax.Array, now: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """The rows of `c` and of `g`, `[R, T]` int32 each.

  Args:
    same: `[R, T, S]`, the places that match.
    times: `[R, S]` their times in seconds.
    now: `[R, T]` those of the targets.
  """
  n = same.sum(axis=-1)
  least = jnp.iinfo(jnp.int32).min
  newest = jnp.where(same, times[:, None], least).max(axis=-1)
  gap = jnp.maximum(now - jnp.where(n > 0, newest, now), 0)
  count = jnp.floor(2 * _log2(n)).astype(jnp.int32)
  bucket = 1 + jnp.floor(_log2(gap)).astype(jnp.int32)
  last = _BUCKETS - 1
  return jnp.minimum(count, last), jnp.where(
    n > 0, jnp.minimum(bucket, last), 0
  )


def _kind(
  items: jax.Array, categories: jax.Array | None, *, level: int
) -> jax.Array:
  """The item, or its category of a level; -1 where there is none."""
  if categories is None:
    return items
  known = jnp.asarray(categories)[jnp.maximum(items, 0), level]
  return jnp.where(items >= 0, known, -1)


def _log2(x: jax.Array) -> jax.Array:
  return jnp.log2(1.0 + x.astype(jnp.float32))
