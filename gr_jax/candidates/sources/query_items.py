"""What a query led to in training, and what its vector is near to.

`count(q, i)` is the number of times that query q led to item i, without what
the user's own later requests added, and `share(q, i)` its share of all counts
of q. A query that nobody else asked borrows them of its neighbours q'
(`near_queries`),

  share(q, i) = sum of w(q') share(q', i),  total(q) = sum of w(q') total(q'),

and `query_near` says how near the nearest of these is, 1 for a query that
others asked. Behind all that was counted come the items of the nearest vectors.
"""

import copy
from typing import Any, NamedTuple, Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed, expand, look_up, values_at
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.near_queries import NearQueries
from gr_jax.candidates.sources.nearest_items import nearest_items
from gr_jax.candidates.sources.query_counts import QueryCounts
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.tastes import row_products
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask
from gr_jax.text.encoder import unit_rows

# The trained queries that are compared, at most, those of most counts.
_COMPARED = 20_000


class _Read(NamedTuple):
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


class QueryItems(Unmeasured):
  """Counts of queries and items, and their vectors.

  Args:
    log: the training requests and their pages.
    item_vectors: `[N, D]`.
    query_vectors: `[Q, D]`, of nothing that the log counted.
    most: the number of items that each query proposes by its counts.
    near: the number of items that it proposes by its vector.
  """

  names = (
    "query_count",
    "query_share",
    "query_saw",
    "query_total",
    "query_cosine",
    "query",
    "query_near",
  )

  def __init__(
    self,
    log: Requests,
    item_vectors: np.ndarray,
    query_vectors: np.ndarray,
    *,
    most: int = 128,
    near: int = 32,
  ):
    self._most, self._near = most, near
    self._item_vectors = unit_rows(item_vectors)
    N, Q = len(item_vectors), len(log.queries)
    kept = page_mask(log) & (log.query[log.page_request] >= 0)
    request, items = log.page_request[kept], log.page_item[kept]
    keys = log.query[request] * np.int64(N) + items
    self._led = QueryCounts(
      *np.unique(keys, return_counts=True), num_queries=Q, num_items=N
    )
    # The clicks of each user by the end of their histories.
    user, end = log.user[request].astype(np.int64), log.history_end[request]
    by_user = np.lexsort((end, user))
    self._click_keys = keys[by_user]
    self._stride = len(log.event_item) + 1
    self._click_place = (user * self._stride + end)[by_user]
    totals = self._led.totals[:-1]
    rows = np.argsort(-totals, kind="stable")[:_COMPARED]
    rows = np.sort(rows[totals[rows] > 0])
    items = unit_rows(self._led.matrix()[rows] @ self._item_vectors)
    places = (unit_rows(query_vectors[rows]) + items) / 2
    self._lenders = NearQueries(rows, places)

  @property
  def _num_items(self) -> int:
    return len(self._item_vectors)

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries >= 0)
    if not len(owners):
      return None
    who, items = self._led_to(batch, owners)
    shares = self._shares(batch, who, items)
    # What only the user's own future chose is the very answer.
    who, items, shares = (each[shares > 0] for each in (who, items, shares))
    mine, my_items, my_shares = self._own(batch)
    query = batch.queries[owners]
    # A query without a vector is near to nothing.
    vectors = owners[batch.log.unit_query_vectors[query].any(axis=1)]
    near = nearest_items(
      batch.log, batch.queries[vectors], self._item_vectors, near=self._near
    )
    items = np.concatenate([my_items, items, near.ravel()])
    near_owners = np.repeat(vectors, near.shape[1])
    who = np.concatenate([mine, who, near_owners])
    # Those of the vectors come behind what was counted, own items before it.
    place = np.tile(np.arange(near.shape[1]), len(vectors))
    scores = np.concatenate([my_shares + 1, shares, -1.0 - place])
    key = who * np.int64(self._num_items) + items
    _, at = np.unique(key, return_index=True)
    return Proposed(who[at], items[at], scores[at])

  def _led_to(self, batch: RequestBatch, owners) -> tuple:
    """Requests and the items of most counts of the queries they are read as."""
    read = self._read(batch)
    place, column = np.nonzero(read.rows[owners] >= 0)
    query = read.rows[owners[place], column]
    whose, items = self._led.best(query, most=self._most)
    keys = owners[place[whose]] * np.int64(self._num_items) + items
    return np.divmod(np.unique(keys), self._num_items)

  def _read(self, batch: RequestBatch) -> _Read:
    if "query items" in batch.kept:
      return batch.kept["query items"]
    rows = batch.trained_queries[:, None]
    totals = self._left_totals(batch, rows)
    weights, near = 1.0 * (totals > 0), 1.0 * (totals[:, 0] > 0)
    new = np.flatnonzero((batch.queries >= 0) & (totals[:, 0] == 0))
    if len(new) and len(self._lenders.rows):
      found = self._lenders.of(batch.log, batch.queries[new])
      more = found.rows.shape[1] - 1
      rows = np.pad(rows, ((0, 0), (0, more)), constant_values=-1)
      weights = np.pad(weights, ((0, 0), (0, more)))
      rows[new], weights[new], near[new] = found
      totals = self._left_totals(batch, rows)
    batch.kept["query items"] = _Read(rows, weights, totals, near)
    return batch.kept["query items"]

  def _left_totals(self, batch: RequestBatch, rows: np.ndarray) -> np.ndarray:
    """`[n, K]`, the counts of queries without the user's own future."""
    owners, column = np.nonzero(rows >= 0)
    queries = rows[owners, column]
    future, clicks = self._future(batch)
    lost = _counts_of(
      (future, clicks // self._num_items), (batch.row(owners), queries)
    )
    found = np.zeros(rows.shape)
    found[owners, column] = self._led.totals[queries] - lost
    return found

  def _own(
    self, batch: RequestBatch
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The user's items that the query led to, anybody's: owner, item, share."""
    rows, items = batch.bought(self._num_items)
    owners, items = batch.for_each_request(rows, items)
    shares = self._shares(batch, owners, items)
    some = shares > 0
    return owners[some], items[some], shares[some]

  def _shares(self, batch: RequestBatch, owners, items) -> np.ndarray:
    """`[n]`, the shares of (request, item) without the user's own future."""
    read, future = self._read(batch), self._future(batch)
    found = np.zeros(len(owners))
    for row, weight, total in zip(read.rows.T, read.weights.T, read.totals.T):
      some = np.flatnonzero(total[owners] > 0)
      who = owners[some]
      keys = row[who] * np.int64(self._num_items) + items[some]
      lost = _counts_of(future, (batch.row(who), keys))
      left = np.maximum(self._led.of(keys) - lost, 0)
      found[some] += weight[who] * left / total[who]
    return found

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    query = batch.queries[pairs.owners]
    has_query = query >= 0
    read = self._read(batch)
    share = self._shares(batch, pairs.owners, pairs.items)
    total = (read.weights * read.totals).sum(axis=1)[pairs.owners]
    count = share * total
    known = total > 0
    # Only requests with a query have pairs with a cosine.
    some = np.flatnonzero(has_query)
    cosine = np.zeros(len(pairs), np.float32)
    if len(some):  # A log may have no queries at all.
      cosine[some] = row_products(
        batch.log.unit_query_vectors[batch.queries],
        self._item_vectors,
        pairs.owners[some],
        pairs.items[some],
      )
    return np.stack(
      [
        np.log1p(count),
        np.where(known, np.log(share + 1e-4), 0),
        count > 0,
        np.log1p(total),
        cosine,
        has_query,
        read.near[pairs.owners],
      ],
      axis=1,
    ).astype(np.float32)

  def _future(self, batch: RequestBatch) -> tuple[np.ndarray, np.ndarray]:
    """The row and the key of all clicks of the users' own future."""
    if batch.log.live:
      return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = batch.users * self._stride + batch.ends
    last = (batch.users + 1) * self._stride
    begin, end = np.searchsorted(self._click_place, (first, last))
    rows, places = expand(begin, end)
    return rows, self._click_keys[places]

  def state(self) -> dict[str, Any]:
    """Without the clicks of each user, which only training leaves out."""
    led, lenders = self._led, self._lenders
    return {
      "keys": led.keys,
      "counts": led.counts,
      "num_queries": led.num_queries,
      "most": self._most,
      "near": self._near,
      "lenders": lenders.rows,
      "places": lenders.places,
    }

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    if "lenders" not in state:
      raise ValueError(
        "its queries are of another version of the candidates; train it anew."
      )
    found = cls.__new__(cls)
    found._most, found._near = state["most"], state["near"]
    found._item_vectors = unit_rows(items.vectors)
    found._led = QueryCounts(
      state["keys"],
      state["counts"],
      num_queries=state["num_queries"],
      num_items=len(items),
    )
    found._lenders = NearQueries(state["lenders"], state["places"])
    found._click_keys = found._click_place = np.zeros(0, np.int64)
    found._stride = 0
    return found

  def grown(self, items: ItemFacts) -> Self:
    """A new item has the counts of those of the same text."""
    found = copy.copy(self)
    found._led = self._led.grown(items.texts)
    new = unit_rows(items.vectors[self._num_items :])
    found._item_vectors = np.concatenate([self._item_vectors, new])
    return found


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
