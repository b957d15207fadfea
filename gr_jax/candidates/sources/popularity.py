"""How often an item was chosen by all, and how often of late.

Counts are of the training period without the user's own future
(`RequestBatch`). With a clock that all users share, `recent` counts the four
periods of 1/50 of the training time that end two such periods before the
request, so that what is held out and what is learned read counts of the same
age; requests of now read the last four periods. Its ratio to the popularity of
four average periods is the trend. [OURS]
"""

import copy
from typing import Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.source import TaughtByLog, Unmeasured
from gr_jax.data.requests import Requests

_PERIODS = 50
_WINDOW, _DELAY = 4, 2


class Popularity(TaughtByLog, Unmeasured):
  """The popularity and the trend of items.

  Args:
    log: the users and their events.
    counted: `[U]`, the event before which counting each user stopped.
    num_items: `N`.
    most: the number of popular items that are proposed to a request without a
      query, and as many of those that are popular of late.
  """

  names = ("popularity", "recent", "trend")

  def __init__(
    self,
    log: Requests,
    counted: np.ndarray,
    *,
    num_items: int,
    most: int = 64,
  ):
    rows = np.arange(len(log.event_item))
    trained = rows < counted[log.event_user]
    items, times = log.event_item[trained], log.event_time[trained]
    self._counts = np.bincount(items, minlength=num_items)
    self._start = times.min(initial=np.iinfo(np.int64).max)
    span = times.max(initial=0) - self._start + 1 if len(times) else 1
    self._period = span / _PERIODS
    periods = _PERIODS if log.shared_clock and len(times) else 0
    # `sums[p]` are the counts of all periods before p.
    self._sums = np.zeros((periods + 1, num_items), np.int32)
    if periods:
      period = ((times - self._start) / self._period).astype(np.int64)
      np.add.at(self._sums, (period + 1, items), 1)
      np.cumsum(self._sums, axis=0, out=self._sums)
    tops = [self._counts]
    if periods:
      tops.append(self._sums[-1] - self._sums[periods - _WINDOW])
    scores = np.max([_by_place(top, most) for top in tops], axis=0)
    self._top = np.flatnonzero(scores)
    self._top_scores = scores[self._top]

  def propose(self, batch: RequestBatch) -> Proposed:
    open_ended = np.flatnonzero(batch.queries < 0)
    return Proposed(
      np.repeat(open_ended, len(self._top)),
      np.tile(self._top, len(open_ended)),
      np.tile(self._top_scores, len(open_ended)),
    )

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    future = batch.future_counts(pairs)
    counts = np.maximum(self._counts[pairs.items] - future, 0)
    recent = self._recent(batch, pairs)
    usual = counts * _WINDOW / _PERIODS
    trend = np.log((recent + 1) / (usual + 1))
    if len(self._sums) == 1:
      trend = np.zeros(len(pairs))
    columns = np.log1p(counts), np.log1p(recent), trend
    return np.stack(columns, axis=1).astype(np.float32)

  def _recent(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    periods = len(self._sums) - 1
    if not periods:
      return np.zeros(len(pairs))
    last = np.full(len(batch.requests), periods)
    if not batch.log.live:
      now = ((batch.times - self._start) // self._period).astype(np.int64)
      last = np.clip(now - _DELAY + 1, 0, periods)
    last = last[batch.row(pairs.owners)]
    first = np.maximum(last - _WINDOW, 0)
    return self._sums[last, pairs.items] - self._sums[first, pairs.items]

  def grown(self, items: ItemFacts) -> Self:
    """A new item is as popular as its neighbours are on average."""
    found = copy.copy(self)
    lent = items.neighbours_of_new(len(self._counts))
    found._counts = np.append(self._counts, lent @ self._counts)
    found._sums = np.append(self._sums, (lent @ self._sums.T).T, axis=1)
    return found


def _by_place(counts: np.ndarray, most: int) -> np.ndarray:
  """`[N]`, `most` for the largest count down to 1, 0 for the others."""
  best = np.argsort(-counts, kind="stable")[:most]
  best = best[counts[best] > 0]
  scores = np.zeros(len(counts))
  scores[best] = most - np.arange(len(best))
  return scores
