"""Which items follow which: the strongest neighbours of every semantic ID.

Counting which items are bought shortly after or before each other is the
baseline that few generators beat (`item_knn`). So the generator is given these
counts inside its softmax, as it is given popularity and the household's own
purchases (`count_prior`), and learns what they miss `[OURS]`.

A training request is part of what was counted. With its own pairs the network
would learn to trust the counts too much: they are left out, with its popularity
in the denominators, and only then the strongest neighbours are chosen
(`Transitions.without`); in search there is nothing to leave out.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from gr_jax.data.sequence_pairs import BACKWARD, SHRINKAGE
from gr_jax.generators.priors.left_out import LeftOut

# The file beside a generator that reads transitions.
TRANSITIONS = "transitions.npz"


@struct.dataclass
class Transitions:
  """Neighbours of the IDs that training knew; IDs that come later have none.

  Attributes:
    ids: `[I, L]` in lexicographic order.
    neighbours: `[I, J]` rows of `ids`, the strongest first. Those after the
      first `K` are the ones that leaving out a user's events can bring among
      the first `K`.
    weights: `[I, J]`, the weights of the neighbours; 0 = none.
    popularity: `[I]`, the number of events of each ID.
    kept: `K`, the number of neighbours that are read.
    window: the number of positions that pairs are apart, at most.
    last: the number of newest items of a history whose neighbours are read.
    left_out: what each row of a batch leaves out; None where rows were not
      counted.
  """

  ids: jax.Array
  neighbours: jax.Array
  weights: jax.Array
  popularity: jax.Array
  kept: int = struct.field(pytree_node=False)
  window: int = struct.field(pytree_node=False)
  last: int = struct.field(pytree_node=False)
  left_out: LeftOut | None = None

  def without(self, left_out: LeftOut) -> "Transitions":
    """The transitions that each row reads without its own events."""
    return dataclasses.replace(self, left_out=left_out)

  def padded(self, multiple: int) -> "Transitions":
    """The same transitions with rows of no ID up to a multiple of rows.

    Nothing leads to them: their IDs come after all others and equal none.
    """
    missing = -len(self.ids) % multiple

    def pad(x: jax.Array, filler: int = 0) -> jax.Array:
      below = [(0, missing)] + [(0, 0)] * (x.ndim - 1)
      return jnp.pad(x, below, constant_values=filler)

    return dataclasses.replace(
      self,
      ids=pad(self.ids, jnp.iinfo(jnp.int32).max),
      neighbours=pad(self.neighbours),
      weights=pad(self.weights),
      popularity=pad(self.popularity),
    )

  def rows(self, codes: jax.Array) -> jax.Array:
    """`[...]` rows of the IDs `codes` `[..., L]`, `I` where there is none."""
    low = jnp.zeros(codes.shape[:-1], jnp.int32)
    high = jnp.full(codes.shape[:-1], len(self.ids), jnp.int32)
    for _ in range(len(self.ids).bit_length()):
      middle = (low + high) // 2
      less = _before(self.ids.at[middle].get(mode="clip"), codes)
      low = jnp.where(less & (low < high), middle + 1, low)
      high = jnp.where(less, high, middle)
    found = (self.ids.at[low].get(mode="clip") == codes).all(-1)
    return jnp.where(found, low, len(self.ids))

  def related(self, history: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Neighbours of the newest items, without what the shopper has already.

    Args:
      history: `[B, H, L]` codes, newest last; -1 where there is no item.

    Returns:
      Codes `[B, T, K, L]` and weights `[B, T, K]` of the neighbours of the
      `T = min(last, H)` newest items, newest first.
    """
    bought = self.rows(history)
    newest = bought[:, ::-1][:, : self.last]
    neighbours = self.neighbours.at[newest].get(mode="clip")
    weights = self.weights.at[newest].get(mode="fill", fill_value=0)
    if self.left_out is None:
      neighbours = neighbours[..., : self.kept]
      weights = weights[..., : self.kept]
    else:
      weights = self._left(newest, neighbours, weights, self.left_out)
      weights, best = jax.lax.top_k(weights, self.kept)
      neighbours = jnp.take_along_axis(neighbours, best, axis=-1)
    known = (neighbours[..., None] == bought[:, None, None]).any(-1)
    return self.ids[neighbours], jnp.where(known, 0, weights)

  def _left(
    self,
    newest: jax.Array,
    neighbours: jax.Array,
    weights: jax.Array,
    left_out: LeftOut,
  ) -> jax.Array:
    """`[B, T, J]`, the weights as counted without what is left out."""
    assert left_out.pairs is not None
    assert left_out.weights is not None
    events = jnp.asarray(left_out.events)
    B, size = len(events), len(self.ids)
    rows = jnp.arange(B)
    # Beside the table, as a negative index would be its last row.
    events = jnp.where(events >= 0, events, size)
    lost = jnp.zeros((B, size)).at[rows[:, None], events].add(1, mode="drop")
    lost = lost[rows[:, None, None], neighbours]
    popularity = self.popularity[neighbours]
    one, other = left_out.pairs[..., 0], left_out.pairs[..., 1]
    same = (newest[:, :, None, None] == one[:, None, None]) & (
      neighbours[..., None] == other[:, None, None]
    )
    own = jnp.where(same, left_out.weights[:, None, None], 0).sum(-1)
    pairs = weights * (jnp.sqrt(popularity) + SHRINKAGE) - own
    # The least pair is one of the largest distance, backward: less is rounding.
    pairs = jnp.where(pairs < BACKWARD / self.window / 2, 0, pairs)
    left = jnp.maximum(popularity - lost, 0)
    return pairs / (jnp.sqrt(left) + SHRINKAGE)

  def save(self, path: pathlib.Path) -> None:
    arrays: dict[str, Any] = {
      name: np.asarray(getattr(self, name)) for name in (*_ARRAYS, *_SIZES)
    }
    np.savez(path, **arrays)

  @classmethod
  def load(cls, path: pathlib.Path) -> "Transitions":
    """Loads what `save` wrote.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: an earlier version wrote it.
    """
    with np.load(path) as file:
      missing = {*_ARRAYS, *_SIZES} - {*file.files}
      if missing:
        raise ValueError(
          f"{path} has no {', '.join(sorted(missing))}: an earlier version "
          "wrote it. Run the recipe in another workdir."
        )
      found: dict[str, Any] = {
        name: jnp.asarray(file[name]) for name in _ARRAYS
      }
      found |= {name: int(file[name]) for name in _SIZES}
    return cls(**found)


_ARRAYS = ("ids", "neighbours", "weights", "popularity")
_SIZES = ("kept", "window", "last")


def _before(a: jax.Array, b: jax.Array) -> jax.Array:
  """`[...]` bool: row `a` `[..., L]` comes before row `b`."""
  place = (a != b).argmax(-1, keepdims=True)
  return jnp.take_along_axis(a < b, place, axis=-1)[..., 0]
