"""Which items follow which: the strongest neighbours of every semantic ID.

Counting which items are bought shortly after or before each other is the
baseline that few generators beat (`item_knn`). So the generator is given these
counts inside its softmax, as it is given popularity and the household's own
purchases (`count_prior`), and learns what they miss `[OURS]`.

A training request is part of what was counted. With its own pairs the network
would learn to trust the counts too much: they are taken out first
(`Transitions.without`); in search there is nothing to take out.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

# The file beside a generator that reads transitions.
TRANSITIONS = "transitions.npz"


@struct.dataclass
class Transitions:
  """Neighbours of the IDs that training knew; IDs that come later have none.

  Attributes:
    ids: `[I, L]` in lexicographic order.
    neighbours: `[I, K]` rows of `ids`.
    weights: `[I, K]`, the weights of the neighbours; 0 = none.
    scales: `[I]`, the weight of one pair that leads to an ID.
    window: the number of positions that pairs are apart, at most.
    last: the number of newest items of a history whose neighbours are read.
    excluded_pairs: `[B, W, L]` codes of the items that each row's shopper was
      counted to buy next, next first, -1 = nothing; None where rows were not
      counted.
  """

  ids: jax.Array
  neighbours: jax.Array
  weights: jax.Array
  scales: jax.Array
  window: int = struct.field(pytree_node=False)
  last: int = struct.field(pytree_node=False)
  excluded_pairs: jax.Array | None = None

  def without(self, future_items: jax.Array) -> "Transitions":
    """Leaves out, for each row, the pairs that lead to `future_items`."""
    return dataclasses.replace(self, excluded_pairs=future_items)

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
    if self.excluded_pairs is not None:
      weights = weights - self._own(neighbours, self.excluded_pairs)
    known = (neighbours[..., None] == bought[:, None, None]).any(-1)
    weights = jnp.where(known, 0, jnp.maximum(weights, 0))
    return self.ids[neighbours], weights

  def _own(self, neighbours: jax.Array, excluded: jax.Array) -> jax.Array:
    """`[B, T, K]`, the weight that `excluded` pairs brought to `neighbours`.

    The d-th item to come and the k-th newest are `d + k + 1` apart, where a
    history has no repeats; with repeats they may be further.
    """
    future_items = self.rows(excluded)
    places = jnp.arange(neighbours.shape[1])[:, None]
    gaps = 1 + places + jnp.arange(future_items.shape[1])
    share = jnp.where(gaps <= self.window, 1 / gaps, 0)
    scale = self.scales.at[future_items].get(mode="fill", fill_value=0)
    same = neighbours[..., None] == future_items[:, None, None]
    pairs = share[:, None] * scale[:, None, None]
    return jnp.where(same, pairs, 0).sum(-1)

  def save(self, path: pathlib.Path) -> None:
    arrays: dict[str, Any] = {
      name: np.asarray(getattr(self, name)) for name in _ARRAYS
    }
    np.savez(path, window=self.window, last=self.last, **arrays)

  @classmethod
  def load(cls, path: pathlib.Path) -> "Transitions":
    """Loads what `save` wrote.

    Raises:
      FileNotFoundError: it is not there.
    """
    with np.load(path) as file:
      arrays = {name: jnp.asarray(file[name]) for name in _ARRAYS}
      return cls(**arrays, window=int(file["window"]), last=int(file["last"]))


_ARRAYS = ("ids", "neighbours", "weights", "scales")


def _before(a: jax.Array, b: jax.Array) -> jax.Array:
  """`[...]` bool: row `a` `[..., L]` comes before row `b`."""
  place = (a != b).argmax(-1, keepdims=True)
  return jnp.take_along_axis(a < b, place, axis=-1)[..., 0]
