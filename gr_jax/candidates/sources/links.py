"""Items that go with those of the history.

Every source here scores item j by what links it to the items h of a history,

  score_j = sum_h m_h L[h, j],    m_h = 1 / (1 + k) of the k-th newest item,

over the newest `LAST` items, or the newest alone. The place of an item, and the
share of its score in the best one, are those among items that the user has not
yet: what it has, it knows (`own`). The links L are counts of sequences (what is
chosen within a few places of each other, or by the same users), or likenesses
of texts or vectors. Counts leave out what the user's own future adds to them
(`RequestBatch.future`), in the pairs as in the popularity below them, so that a
training row reads the links of a log that ends, for its user, with its history.
"""

import copy
from typing import Any, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.ordering import best_first, places_in_runs, starts_of
from gr_jax.candidates.pairs import (
  Pairs,
  Proposed,
  Sparse,
  expand,
  look_up,
  values_at,
)
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.scores import Scores, summed
from gr_jax.candidates.sources.source import TaughtByLog

# Newest items of a history whose links are read.
LAST = 10


class Links(TaughtByLog):
  """Links of one kind; a subclass says how they are read.

  Args:
    name: what features are called by.
    num_items: `N`.
    last: the number of newest items that are read.
    most: the number of items that are proposed to a request without a query.
  """

  def __init__(
    self, name: str, *, num_items: int, last: int = LAST, most: int = 48
  ):
    self._name, self.num_items, self._most = name, num_items, most
    self._last = last
    self._scale = 1.0

  @property
  def names(self) -> tuple[str, ...]:
    kinds = ("score", "share", "place")
    return tuple(f"{self._name}_{kind}" for kind in kinds)

  def measure(self, batch: RequestBatch) -> None:
    """Takes the median score of what is linked at all as the unit."""
    values = self.scores(batch).values
    self._scale = float(np.median(values)) if len(values) else 1.0

  def scores(self, batch: RequestBatch) -> Scores:
    """The scores above 0 of each row; computed once a batch."""
    if self._name not in batch.kept:
      batch.kept[self._name] = self._scores(batch)
    return batch.kept[self._name]

  def _scores(self, batch: RequestBatch) -> Scores:
    raise NotImplementedError

  def places(self, batch: RequestBatch) -> np.ndarray:
    """`[n]`, the place of each score among those of items that are new to the
    user, or `most` for one that is none of the first; computed once a batch.
    """
    key = f"{self._name} places"
    if key not in batch.kept:
      scores = self.scores(batch)
      bought = scores.key(*batch.bought(self.num_items))
      at, there = look_up(scores.keys, bought)
      new = np.ones(len(scores.keys), bool)
      new[at[there]] = False
      new = np.flatnonzero(new)
      rows = scores.rows[new]
      order = best_first(rows, scores.values[new])
      place = places_in_runs(rows)
      kept = place < self._most
      found = np.full(len(scores.keys), self._most)
      found[new[order[kept]]] = place[kept]
      batch.kept[key] = found
    return batch.kept[key]

  def propose(self, batch: RequestBatch) -> Proposed | None:
    if (batch.queries >= 0).all():
      return None
    best = np.flatnonzero(self.places(batch) < self._most)
    scores = self.scores(batch)
    owners, best = batch.for_each_request(scores.rows[best], best)
    kept = batch.queries[owners] < 0
    owners, best = owners[kept], best[kept]
    return Proposed(owners, scores.items[best], -self.places(batch)[best])

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    scores, places = self.scores(batch), self.places(batch)
    row = batch.row(pairs.owners)
    at, there = look_up(scores.keys, scores.key(row, pairs.items))
    score = values_at(scores.values, at, there)
    place = np.full(len(pairs), self._most)
    place[there] = places[at[there]]
    top = np.maximum(self._top(batch), 1e-12)[row]
    columns = (
      np.log1p(score / self._scale),
      np.log(score / top + 0.01),
      -np.log1p(np.arange(self._most + 1))[place],
    )
    return np.stack(columns, axis=1).astype(np.float32)

  def _top(self, batch: RequestBatch) -> np.ndarray:
    """`[B]` float32, the best score of a new item; 0 without any score.

    Where no new item is linked, that of the best one that the user has.
    """
    scores = self.scores(batch)
    found = np.zeros(len(batch.requests), np.float32)
    starts = starts_of(scores.rows)
    if len(starts):
      found[scores.rows[starts]] = np.maximum.reduceat(scores.values, starts)
    first = np.flatnonzero(self.places(batch) == 0)
    found[scores.rows[first]] = scores.values[first]
    return found

  def grown(self, items: ItemFacts) -> Self:
    """A new item has the links that its neighbours have on average."""
    found = copy.copy(self)
    for name, value in vars(self).items():
      setattr(found, name, _grown(value, items, self.num_items))
    found.num_items = len(items)
    return found


def _grown(value: Any, items: ItemFacts, size: int) -> Any:
  """What has one value, or one row, for each of `size` items, for all items."""
  if isinstance(value, np.ndarray) and value.shape == (size,):
    lent = items.neighbours_of_new(size)
    return np.append(value, (lent @ value).astype(value.dtype))
  if isinstance(value, sparse.csr_array) and value.shape == (size, size):
    # What lies in the same memory stays so: its scores are computed once.
    return items.once(
      value, lambda: with_rows(with_columns(value, items), items)
    )
  return value


def with_rows(links: Sparse, items: ItemFacts) -> Sparse:
  """`[M, m]`: a new item leads where its neighbours lead, of `[N, m]`."""
  lent = items.neighbours_of_new(links.shape[0])
  grown: Sparse = sparse.vstack([links, lent @ links], format="csr")
  return grown.astype(links.dtype)


def with_columns(links: Sparse, items: ItemFacts) -> Sparse:
  """`[m, M]`: what leads to its neighbours leads to a new item, of `[m, N]`."""
  lent = items.neighbours_of_new(links.shape[1])
  grown: Sparse = sparse.hstack([links, links @ lent.T], format="csr")
  return grown.astype(links.dtype)


def newest_items(
  batch: RequestBatch, num_items: int, last: int = LAST
) -> Scores:
  """`1 / (1 + k)` of the k-th newest of the `last` newest items of each row.

  Computed once a batch.
  """
  name = f"newest {last}"
  if name not in batch.kept:
    starts = np.maximum(batch.starts, batch.ends - last)
    rows, events = expand(starts, batch.ends)
    weights = (1.0 / (batch.ends[rows] - events)).astype(np.float32)
    keys = rows * np.int64(num_items) + batch.event_item[events]
    batch.kept[name] = summed(keys, weights, num_items=num_items)
  return batch.kept[name]
