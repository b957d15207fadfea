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
import itertools
from typing import Any, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed, Sparse, expand, look_up
from gr_jax.candidates.request_batch import RequestBatch
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
    scores = self.scores(batch)
    linked = scores[scores > 0]
    self._scale = float(np.median(linked)) if len(linked) else 1.0

  def scores(self, batch: RequestBatch) -> np.ndarray:
    """`[B, N]` float32, at least 0; read-only, computed once a batch."""
    if self._name not in batch.kept:
      batch.kept[self._name] = self._scores(batch)
    return batch.kept[self._name]

  def _scores(self, batch: RequestBatch) -> np.ndarray:
    raise NotImplementedError

  def best(self, batch: RequestBatch) -> np.ndarray:
    """`[B, most]` items that the user has not, best first, -1 = no more."""
    key = f"{self._name} best"
    if key not in batch.kept:
      scores = self.scores(batch)
      # Few items are linked: all are not sorted.
      linked = np.flatnonzero(scores > 0)
      rows, items = batch.bought(self.num_items)
      place, there = look_up(linked, rows * np.int64(self.num_items) + items)
      new = np.delete(linked, place[there])
      values = scores.ravel()[new]
      ends = np.searchsorted(new, np.arange(len(scores) + 1) * self.num_items)
      found = np.full((len(scores), min(self._most, self.num_items)), -1)
      for row, (begin, end) in enumerate(itertools.pairwise(ends)):
        order = _largest(values[begin:end], found.shape[1])
        found[row, : len(order)] = new[begin:end][order] - row * self.num_items
      batch.kept[key] = found
    return batch.kept[key]

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries < 0)
    if not len(owners):
      return None
    items = self.best(batch)[batch.row(owners)]
    score = np.broadcast_to(-np.arange(items.shape[1]), items.shape)
    there = items >= 0
    who = np.broadcast_to(owners[:, None], items.shape)
    return Proposed(who[there], items[there], score[there])

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    scores = self.scores(batch)
    row = batch.row(pairs.owners)
    score = scores[row, pairs.items]
    first = self.best(batch)[:, 0]
    new = scores[np.arange(len(scores)), first]
    # Where no new item is linked, the best of those that the user has.
    top = np.where(first < 0, scores.max(axis=1, initial=0), new)
    top = np.maximum(top, 1e-12)[row]
    columns = (
      np.log1p(score / self._scale),
      np.log(score / top + 0.01),
      -np.log1p(self._places(batch, row, pairs.items)),
    )
    return np.stack(columns, axis=1).astype(np.float32)

  def _places(self, batch: RequestBatch, row, items) -> np.ndarray:
    """`[n]`, the place of each item among the best of its row, or `most`."""
    best = self.best(batch)
    rows, place = np.nonzero(best >= 0)
    keys = rows * np.int64(self.num_items) + best[rows, place]
    order = np.argsort(keys)
    at, there = look_up(keys[order], row * np.int64(self.num_items) + items)
    found = np.full(len(row), self._most)
    found[there] = place[order][at[there]]
    return found

  def grown(self, items: ItemFacts) -> Self:
    """Nothing is linked to the new items."""
    found = copy.copy(self)
    for name, value in vars(self).items():
      setattr(found, name, _grown(value, self.num_items, len(items)))
    found.num_items = len(items)
    return found


def _largest(values: np.ndarray, k: int) -> np.ndarray:
  """The places of the `k` largest of `values` `[n]`, largest first."""
  best = np.arange(len(values))
  if len(values) > k:
    best = np.sort(np.argpartition(-values, k - 1)[:k])
  return best[np.argsort(-values[best], kind="stable")]


def _grown(value: Any, old: int, size: int) -> Any:
  """Zeros for more items in what has one value, or one row, for each item."""
  if isinstance(value, np.ndarray) and value.shape == (old,):
    return np.pad(value, (0, size - old))
  if isinstance(value, sparse.csr_array) and value.shape == (old, old):
    rows = np.pad(value.indptr, (0, size - old), mode="edge")
    return sparse.csr_array((value.data, value.indices, rows), (size, size))
  return value


def newest_items(
  batch: RequestBatch, num_items: int, last: int = LAST
) -> Sparse:
  """`[B, N]`, `1 / (1 + k)` of the k-th newest of the `last` newest items."""
  starts = np.maximum(batch.starts, batch.ends - last)
  rows, events = expand(starts, batch.ends)
  weights = 1.0 / (batch.ends[rows] - events)
  places = rows, batch.event_item[events]
  shape = len(batch.requests), num_items
  return sparse.csr_array((weights.astype(np.float32), places), shape)
