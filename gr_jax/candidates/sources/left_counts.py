"""Counts of queries and labels, without those of a user's own future.

A training request must not read its own answer. So of what a query led to, the
clicks that the request's user made at or after the end of its history are left
out. Labels are items, or what items are grouped by.
"""

from typing import NamedTuple, Self

import numpy as np

from gr_jax.candidates.pairs import expand, look_up, values_at
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.query_counts import QueryCounts
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask


class Read(NamedTuple):
  """The trained queries that `n` requests are read as.

  Attributes:
    rows: `[n, K]`, -1 = none.
    weights: `[n, K]`, sum 1.
    totals: `[n, K]`, the counts of each without the user's own future.
    near: `[n]`, how near the nearest is.
  """

  rows: np.ndarray
  weights: np.ndarray
  totals: np.ndarray
  near: np.ndarray


class LeftCounts(NamedTuple):
  """Counts of queries and labels, and the clicks that they count.

  Attributes:
    led: the counts.
    stride: more than any event of the log.
    place: `[n]` ascending, `user * stride + end of history` of each click; of a
      service that has no log there are none.
    keys: `[n]`, `query * num_labels + label` of each click.
  """

  led: QueryCounts
  stride: int = 0
  place: np.ndarray = np.zeros(0, np.int64)
  keys: np.ndarray = np.zeros(0, np.int64)

  @classmethod
  def of_log(cls, log: Requests, labels: np.ndarray, num_labels: int) -> Self:
    """The counts of a log's training period.

    Args:
      log: the requests and their pages.
      labels: `[N]`, of the items.
      num_labels: above any of them.
    """
    kept = page_mask(log) & (log.query[log.page_request] >= 0)
    request, label = log.page_request[kept], labels[log.page_item[kept]]
    keys = log.query[request] * np.int64(num_labels) + label
    led = QueryCounts(
      *np.unique(keys, return_counts=True),
      num_queries=len(log.queries),
      num_items=num_labels,
    )
    # The clicks of each user by the end of their histories.
    user, end = log.user[request].astype(np.int64), log.history_end[request]
    by_user = np.lexsort((end, user))
    stride = len(log.event_item) + 1
    return cls(led, stride, (user * stride + end)[by_user], keys[by_user])

  def totals(self, batch: RequestBatch, rows: np.ndarray) -> np.ndarray:
    """`[n, K]`, the counts of queries `[n, K]`, -1 = none, of any label."""
    owners, column = np.nonzero(rows >= 0)
    queries = rows[owners, column]
    future, clicks = self._future(batch)
    lost = _counts_of(
      (future, clicks // self.led.num_items), (batch.row(owners), queries)
    )
    found = np.zeros(rows.shape)
    found[owners, column] = self.led.totals[queries] - lost
    return found

  def shares(
    self,
    batch: RequestBatch,
    read: Read,
    owners: np.ndarray,
    labels: np.ndarray,
  ) -> np.ndarray:
    """`[m]`, the shares of (request, label) `[m]` in what is read."""
    future = self._future(batch)
    found = np.zeros(len(owners))
    for row, weight, total in zip(read.rows.T, read.weights.T, read.totals.T):
      some = np.flatnonzero(total[owners] > 0)
      who = owners[some]
      keys = row[who] * np.int64(self.led.num_items) + labels[some]
      lost = _counts_of(future, (batch.row(who), keys))
      left = np.maximum(self.led.of(keys) - lost, 0)
      found[some] += weight[who] * left / total[who]
    return found

  def _future(self, batch: RequestBatch) -> tuple[np.ndarray, np.ndarray]:
    """The row and the key of all clicks of the users' own future."""
    if batch.log.live:
      return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = batch.users * self.stride + batch.ends
    last = (batch.users + 1) * self.stride
    begin, end = np.searchsorted(self.place, (first, last))
    rows, places = expand(begin, end)
    return rows, self.keys[places]


def _counts_of(
  found: tuple[np.ndarray, np.ndarray], wanted: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
  """How often each wanted (row, key) is found; a key of -1 never is.

  Args:
    found: rows and keys `[m]`.
    wanted: rows and keys `[n]`.
  """
  # One number for each pair; keys of queries and items are few enough.
  span = max(found[1].max(initial=0), wanted[1].max(initial=0)) + 2
  keys, counts = np.unique(found[0] * span + found[1] + 1, return_counts=True)
  places, there = look_up(keys, wanted[0] * span + wanted[1] + 1)
  return values_at(counts, places, there)
