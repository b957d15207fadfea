"""What a query led to in training, and what its vector is near to.

`count(q, i)` is the number of times that query q led to item i, without what
the user's own later requests added, and `share(q, i)` its share of all counts
of q. A query that nobody else asked borrows them of its neighbours q'
(`near_queries`),

  share(q, i) = sum of w(q') share(q', i),  total(q) = sum of w(q') total(q'),

and `query_near` says how near the nearest of these is, 1 for a query that
others asked. Behind all that was counted come the items of the nearest vectors.
What is known of the types of items is in `query_types`.
"""

import copy
from typing import Any, Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.left_counts import LeftCounts, Read
from gr_jax.candidates.sources.near_queries import NearQueries
from gr_jax.candidates.sources.nearest_items import nearest_items
from gr_jax.candidates.sources.query_counts import QueryCounts
from gr_jax.candidates.sources.query_types import QueryTypes
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.tastes import row_products
from gr_jax.data.requests import Requests
from gr_jax.text.encoder import unit_rows

# The trained queries that are compared, at most, those of most counts.
_COMPARED = 20_000


class QueryItems(Unmeasured):
  """Counts of queries and items, and their vectors.

  Args:
    log: the training requests and their pages.
    item_vectors: `[N, D]`.
    query_vectors: `[Q, D]`, of nothing that the log counted.
    types: `[N]`, the type of each item, from 0 on; None = all are of one.
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
    *QueryTypes.names,
  )

  def __init__(
    self,
    log: Requests,
    item_vectors: np.ndarray,
    query_vectors: np.ndarray,
    types: np.ndarray | None = None,
    *,
    most: int = 128,
    near: int = 32,
  ):
    self._most, self._near = most, near
    self._item_vectors = unit_rows(item_vectors)
    size = len(item_vectors)
    self._counts = LeftCounts.of_log(log, np.arange(size), size)
    led = self._counts.led
    totals = led.totals[:-1]
    rows = np.argsort(-totals, kind="stable")[:_COMPARED]
    rows = np.sort(rows[totals[rows] > 0])
    items = unit_rows(led.matrix()[rows] @ self._item_vectors)
    places = (unit_rows(query_vectors[rows]) + items) / 2
    self._lenders = NearQueries(rows, places)
    types = np.zeros(size, np.int64) if types is None else types
    self._types = QueryTypes.of_log(log, types, self._item_vectors)

  @property
  def _num_items(self) -> int:
    return len(self._item_vectors)

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries >= 0)
    if not len(owners):
      return None
    who, items = self._led_to(batch, owners)
    shares = self._counts.shares(batch, self._read(batch), who, items)
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
    whose, items = self._counts.led.best(query, most=self._most)
    keys = owners[place[whose]] * np.int64(self._num_items) + items
    return np.divmod(np.unique(keys), self._num_items)

  def _read(self, batch: RequestBatch) -> Read:
    if "query items" in batch.kept:
      return batch.kept["query items"]
    rows = batch.trained_queries[:, None]
    totals = self._counts.totals(batch, rows)
    weights, near = 1.0 * (totals > 0), 1.0 * (totals[:, 0] > 0)
    new = np.flatnonzero((batch.queries >= 0) & (totals[:, 0] == 0))
    if len(new) and len(self._lenders.rows):
      found = self._lenders.of(batch.log, batch.queries[new])
      more = found.rows.shape[1] - 1
      rows = np.pad(rows, ((0, 0), (0, more)), constant_values=-1)
      weights = np.pad(weights, ((0, 0), (0, more)))
      rows[new], weights[new], near[new] = found
      totals = self._counts.totals(batch, rows)
    batch.kept["query items"] = Read(rows, weights, totals, near)
    return batch.kept["query items"]

  def _own(
    self, batch: RequestBatch
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The user's items that the query led to, anybody's: owner, item, share."""
    rows, items = batch.bought(self._num_items)
    owners, items = batch.for_each_request(rows, items)
    read = self._read(batch)
    shares = self._counts.shares(batch, read, owners, items)
    some = shares > 0
    return owners[some], items[some], shares[some]

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    query = batch.queries[pairs.owners]
    has_query = query >= 0
    read = self._read(batch)
    share = self._counts.shares(batch, read, pairs.owners, pairs.items)
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
    found = np.stack(
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
    types = self._types.describe(batch, read, pairs)
    return np.concatenate([found, types], axis=1)

  def state(self) -> dict[str, Any]:
    """Without the clicks of each user, which only training leaves out."""
    led, lenders = self._counts.led, self._lenders
    return {
      "keys": led.keys,
      "counts": led.counts,
      "num_queries": led.num_queries,
      "most": self._most,
      "near": self._near,
      "lenders": lenders.rows,
      "places": lenders.places,
      **self._types.state(),
    }

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    if "type_keys" not in state:
      raise ValueError(
        "its queries are of another version of the candidates; train it anew."
      )
    found = cls.__new__(cls)
    found._most, found._near = state["most"], state["near"]
    found._item_vectors = unit_rows(items.vectors)
    led = QueryCounts(
      state["keys"],
      state["counts"],
      num_queries=state["num_queries"],
      num_items=len(items),
    )
    found._counts = LeftCounts(led)
    found._lenders = NearQueries(state["lenders"], state["places"])
    found._types = QueryTypes.restored(
      state, found._item_vectors, num_queries=state["num_queries"]
    )
    return found

  def grown(self, items: ItemFacts) -> Self:
    """A new item has the counts of those of the same text."""
    found = copy.copy(self)
    found._counts = LeftCounts(self._counts.led.grown(items.texts))
    new = unit_rows(items.vectors[self._num_items :])
    found._item_vectors = np.concatenate([self._item_vectors, new])
    found._types = self._types.grown(items)
    return found
