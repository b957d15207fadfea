"""What a query led to in training, and what its vector is near to.

`count(q, i)` is the number of times that query q led to item i, without what
the user's own later requests added. A query that training never saw, or that
nobody else asked, has no counts: the nearest vectors remain.
"""

import copy
from typing import Any, Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs, Proposed, expand, look_up, values_at
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.candidates.sources.tastes import row_products
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask
from gr_jax.text.encoder import unit_rows


class QueryItems(Unmeasured):
  """Counts of queries and items, and their vectors.

  Args:
    log: the training requests and their pages.
    item_vectors: `[N, D]`.
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
  )

  def __init__(
    self,
    log: Requests,
    item_vectors: np.ndarray,
    *,
    most: int = 128,
    near: int = 32,
  ):
    self._num_items, self._most = len(item_vectors), most
    self._num_queries = len(log.queries)
    kept = page_mask(log) & (log.query[log.page_request] >= 0)
    request, items = log.page_request[kept], log.page_item[kept]
    keys = log.query[request] * np.int64(self._num_items) + items
    self._keys, self._counts = np.unique(keys, return_counts=True)
    # The clicks of each user by the end of their histories.
    user, end = log.user[request].astype(np.int64), log.history_end[request]
    by_user = np.lexsort((end, user))
    self._click_keys = keys[by_user]
    self._click_place = (user * (len(log.event_item) + 1) + end)[by_user]
    self._stride = len(log.event_item) + 1
    self._item_vectors = unit_rows(item_vectors)
    self._near = near
    self._sort()

  def _sort(self) -> None:
    """The items of each query, those of the largest counts first."""
    queries = self._keys // self._num_items
    self._totals = np.bincount(
      queries, self._counts, minlength=self._num_queries + 1
    )
    order = np.lexsort((-self._counts, queries))
    self._items = (self._keys % self._num_items)[order]
    self._scores = self._counts[order]
    bounds = np.arange(self._num_queries + 1)
    self._offsets = np.searchsorted(queries[order], bounds)

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries >= 0)
    if not len(owners):
      return None
    query = batch.queries[owners]
    trained = batch.trained_queries[owners]
    starts = self._offsets[trained]
    ends = np.minimum(starts + self._most, self._offsets[trained + 1])
    ends = np.where(trained < 0, starts, ends)
    row, place = expand(starts, ends)
    who, items = owners[row], self._items[place]
    left = self._left(batch, who, items)
    # What only the user's own future chose is the very answer.
    who, items, counted = (each[left > 0] for each in (who, items, left))
    mine, my_items, my_scores = self._own(batch)
    # A query without a vector is near to nothing.
    vectors = owners[batch.log.unit_query_vectors[query].any(axis=1)]
    near = self._nearest(batch.log, batch.queries[vectors])
    items = np.concatenate([my_items, items, near.ravel()])
    near_owners = np.repeat(vectors, near.shape[1])
    who = np.concatenate([mine, who, near_owners])
    # Those of the vectors come behind what was counted, own items before it.
    similar = 1 / (2.0 + np.tile(np.arange(near.shape[1]), len(vectors)))
    first = self._counts.max(initial=0) + 1
    scores = np.concatenate([my_scores + first, counted + 1.0, similar])
    key = who * np.int64(self._num_items) + items
    _, at = np.unique(key, return_index=True)
    return Proposed(who[at], items[at], scores[at])

  def _own(
    self, batch: RequestBatch
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The user's items that the query led to, anybody's: owner, item, count."""
    rows, items = batch.bought(self._num_items)
    owners, items = batch.for_each_request(rows, items)
    counts = self._left(batch, owners, items)
    some = counts > 0
    return owners[some], items[some], counts[some]

  def _left(self, batch: RequestBatch, owners, items) -> np.ndarray:
    """`[n]`, the counts of (request, item) without the user's own future."""
    keys = self._pair_keys(batch, owners, items)
    place, there = look_up(self._keys, keys)
    lost = _counts_of(self._future(batch), (batch.row(owners), keys))
    return np.maximum(values_at(self._counts, place, there) - lost, 0)

  def _pair_keys(self, batch: RequestBatch, owners, items) -> np.ndarray:
    """`[n]` keys of the query and the item, -1 without a known query."""
    trained = batch.trained_queries[owners]
    keys = trained * np.int64(self._num_items) + items
    return np.where(trained >= 0, keys, -1)

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    query = batch.queries[pairs.owners]
    trained = batch.trained_queries[pairs.owners]
    has_query = query >= 0
    count = self._left(batch, pairs.owners, pairs.items)
    rows, clicks = self._future(batch)
    lost = _counts_of(
      (rows, clicks // self._num_items), (batch.row(pairs.owners), trained)
    )
    total = np.where(trained >= 0, self._totals[trained], 0) - lost
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
        np.where(known, np.log(count / np.maximum(total, 1) + 1e-4), 0),
        count > 0,
        np.log1p(total),
        cosine,
        has_query,
      ],
      axis=1,
    ).astype(np.float32)

  def _nearest(self, log: Log, query: np.ndarray) -> np.ndarray:
    """`[n, near]` items of queries `[n]`, nearest first, found once each."""
    key = f"nearest {self._near}"
    if key not in log.kept:
      shape = len(log.query_vectors), min(self._near, self._num_items)
      log.kept[key] = np.full(shape, -1, np.int64)
    found = log.kept[key]
    near = found.shape[1]
    new = np.unique(query[found[query, 0] < 0])
    for rows in np.array_split(new, -(-len(new) // 64)) if len(new) else ():
      scores = log.unit_query_vectors[rows] @ self._item_vectors.T
      best = np.argpartition(-scores, near - 1, axis=1)[:, :near]
      order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
      found[rows] = np.take_along_axis(best, order, axis=1)
    return found[query]

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
    names = ("keys", "counts", "num_queries", "num_items", "most", "near")
    return {name: vars(self)[f"_{name}"] for name in names}

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    found = cls.__new__(cls)
    vars(found).update({f"_{name}": value for name, value in state.items()})
    found._click_keys = found._click_place = np.zeros(0, np.int64)
    found._stride = 0
    found._item_vectors = unit_rows(items.vectors)
    found._sort()
    return found

  def grown(self, items: ItemFacts) -> Self:
    found = copy.copy(self)
    found._num_items = len(items)
    query, item = np.divmod(self._keys, self._num_items)
    found._keys = query * len(items) + item
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
