"""Pairs of a request and an item, in two flat arrays.

A pair has the key `owner * num_items + item`; pairs are kept distinct and in
the order of their keys, so that joins are binary searches.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.candidates.ordering import (
  best_first,
  places_in_runs,
  run_sizes,
  stable_sort,
  starts_of,
)

# A scipy.sparse array: its own types do not follow its products.
Sparse = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
  """Distinct pairs, by owner, then by item.

  Attributes:
    keys: `[n]` int64, ascending.
    num_items: `N`.
  """

  keys: np.ndarray
  num_items: int

  def __len__(self) -> int:
    return len(self.keys)

  @functools.cached_property
  def owners(self) -> np.ndarray:
    """`[n]` int64, the request of each pair."""
    return self.keys // self.num_items

  @functools.cached_property
  def items(self) -> np.ndarray:
    """`[n]` int64, the item of each pair."""
    return self.keys % self.num_items


@dataclasses.dataclass(frozen=True, eq=False)
class Proposed:
  """Pairs that a source proposes; a pair comes once at most.

  Attributes:
    owners: `[m]`, in any order.
    items: `[m]`.
    scores: `[m]`, the larger, the better the source likes the pair.
    at_once: the number of pairs that are taken when it is the source's turn.
  """

  owners: np.ndarray
  items: np.ndarray
  scores: np.ndarray
  at_once: int = 1


def expand(starts: np.ndarray, ends: np.ndarray) -> tuple:
  """The places `starts[r] .. ends[r] - 1` of all `r`, one after the other.

  Returns:
    The owner `r` and the place of each, `[n]` int64 both.
  """
  # Dozens of short calls a request: `span_places` takes five times as long.
  sizes = np.maximum(ends - starts, 0)
  shifts = starts - (sizes.cumsum() - sizes)
  owners = np.arange(len(sizes)).repeat(sizes)
  return owners, np.arange(len(owners)) + shifts.repeat(sizes)


def look_up(
  keys: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Where `wanted` `[n]` stand among the ascending `keys`.

  Returns:
    The places `[n]`, any place where there is none, and `[n]` bool: there.
  """
  if not len(keys):
    return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
  places = np.minimum(keys.searchsorted(wanted), len(keys) - 1)
  return places, keys[places] == wanted


def values_at(
  values: np.ndarray, places: np.ndarray, there: np.ndarray
) -> np.ndarray:
  """`values[places]` `[n]` where `there`, 0 elsewhere (see `look_up`)."""
  found = np.zeros(len(places), values.dtype)
  found[there] = values[places[there]]
  return found


def places_within(owners: np.ndarray, scores: np.ndarray) -> np.ndarray:
  """`[n]`, the place of each entry among those of its owner, from 0 on.

  Args:
    owners: `[n]`, in any order.
    scores: `[n]`; the largest comes first, of equal ones the first in the
      arrays.
  """
  order = best_first(owners, scores)
  places = np.empty(len(order), np.int64)
  places[order] = places_in_runs(owners[order])
  return places


def best_pairs(
  proposals: Sequence[Proposed], *, num_items: int, size: int
) -> Pairs:
  """At most `size` pairs of each owner, taken from the proposals in turn.

  A pair stands at the first turn in which a source gives it, its place there
  divided by `at_once`; the first `size` are kept. Of equal turns the pair that
  more sources propose comes first, then the lower item.
  """
  keys = np.concatenate(
    [p.owners * np.int64(num_items) + p.items for p in proposals]
  )
  places = np.concatenate(
    [places_within(p.owners, p.scores) // p.at_once for p in proposals]
  )
  keys, order = stable_sort(keys)
  starts = starts_of(keys)
  distinct = keys[starts]
  best = np.minimum.reduceat(places[order], starts) if len(starts) else starts
  votes = run_sizes(starts, len(keys))
  # Places first, then votes, in one number: there are fewer sources.
  score = -(best * (len(proposals) + 1) - votes)
  place = places_within(distinct // num_items, score)
  return Pairs(distinct[place < size], num_items)
