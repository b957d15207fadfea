"""What a query led to in training, and what its vector is near to.

`count(q, i)` is the number of times that query q led to item i, without what
the user's own later requests added. A query that training never saw has no
counts: the nearest vectors remain.
"""

import numpy as np

from gr_jax.candidates.asked import Asked
from gr_jax.candidates.log import Log, unit
from gr_jax.candidates.pairs import Pairs, Proposed, expand, look_up, values_at
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask


class QueryItems:
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
    kept = page_mask(log) & (log.query[log.page_request] >= 0)
    request, items = log.page_request[kept], log.page_item[kept]
    keys = log.query[request] * np.int64(self._num_items) + items
    self._keys, self._counts = np.unique(keys, return_counts=True)
    queries = self._keys // self._num_items
    self._totals = np.bincount(
      queries, self._counts, minlength=len(log.queries) + 1
    )
    order = np.lexsort((-self._counts, queries))
    self._items = (self._keys % self._num_items)[order]
    self._scores = self._counts[order]
    bounds = np.arange(len(log.queries) + 1)
    self._offsets = np.searchsorted(queries[order], bounds)
    # The clicks of each user by the end of their histories.
    user, end = log.user[request], log.history_end[request]
    by_user = np.lexsort((end, user))
    self._click_keys = keys[by_user]
    self._click_place = (user * (len(log.event_item) + 1) + end)[by_user]
    self._stride = len(log.event_item) + 1
    self._item_vectors = unit(item_vectors)
    self._near = min(near, len(item_vectors))

  def measure(self, asked: Asked) -> None:
    del asked

  def propose(self, asked: Asked) -> Proposed | None:
    owners = np.flatnonzero(asked.queries >= 0)
    if not len(owners):
      return None
    query = asked.queries[owners]
    trained = asked.log.trained_query[query]
    starts = self._offsets[trained]
    ends = np.minimum(starts + self._most, self._offsets[trained + 1])
    ends = np.where(trained < 0, starts, ends)
    row, place = expand(starts, ends)
    counted = self._scores[place] + 1.0
    mine, my_items, my_scores = self._own(asked)
    near = self._nearest(asked.log, query)
    items = np.concatenate([my_items, self._items[place], near.ravel()])
    near_owners = np.repeat(owners, near.shape[1])
    who = np.concatenate([mine, owners[row], near_owners])
    # Those of the vectors come behind what was counted, own items before it.
    similar = 1 / (2.0 + np.tile(np.arange(near.shape[1]), len(owners)))
    first = self._counts.max(initial=0) + 1
    scores = np.concatenate([my_scores + first, counted, similar])
    key = who * np.int64(self._num_items) + items
    _, at = np.unique(key, return_index=True)
    return Proposed(who[at], items[at], scores[at])

  def _own(self, asked: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The user's items that the query led to, anybody's: owner, item, count."""
    rows, items = asked.bought(self._num_items)
    owners, items = asked.for_each_request(rows, items)
    query = self._trained(asked)[owners]
    place, there = look_up(
      self._keys, query * np.int64(self._num_items) + items
    )
    there &= query >= 0
    counts = self._counts[place[there]]
    return owners[there], items[there], counts

  def describe(self, asked: Asked, pairs: Pairs) -> np.ndarray:
    query = asked.queries[pairs.owners]
    trained = self._trained(asked)[pairs.owners]
    has_query, known = query >= 0, trained >= 0
    key = np.where(known, trained * np.int64(self._num_items) + pairs.items, -1)
    place, there = look_up(self._keys, key)
    count = values_at(self._counts, place, there)
    count = np.maximum(count - self._future(asked, pairs.owners, key), 0)
    total = np.where(known, self._totals[trained], 0)
    # Only requests with a query have pairs with a cosine.
    some = np.flatnonzero(has_query)
    cosine = np.zeros(len(pairs), np.float32)
    cosine[some] = np.einsum(
      "nd,nd->n",
      asked.log.unit_query_vectors[query[some]],
      self._item_vectors[pairs.items[some]],
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

  def _trained(self, asked: Asked) -> np.ndarray:
    """`[B P]`, the training row of each request's query, -1 = none."""
    if not len(asked.log.trained_query):
      return np.full(asked.num_requests, -1)
    trained = asked.log.trained_query[asked.queries]
    return np.where(asked.queries < 0, -1, trained)

  def _nearest(self, log: Log, query: np.ndarray) -> np.ndarray:
    """`[n, near]` items of queries `[n]`, nearest first, found once each."""
    key = f"nearest {self._near}"
    if key not in log.kept:
      log.kept[key] = np.full(
        (len(log.query_vectors), self._near), -1, np.int64
      )
    found = log.kept[key]
    new = np.unique(query[found[query, 0] < 0])
    for rows in np.array_split(new, -(-len(new) // 64)) if len(new) else ():
      scores = log.unit_query_vectors[rows] @ self._item_vectors.T
      best = np.argpartition(-scores, self._near - 1, axis=1)[:, : self._near]
      order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
      found[rows] = np.take_along_axis(best, order, axis=1)
    return found[query]

  def _future(self, asked: Asked, owners, keys) -> np.ndarray:
    """`[n]`, the clicks of the same query and item by the user's own future."""
    first = asked.users * self._stride + asked.ends
    last = (asked.users + 1) * self._stride
    begin, end = np.searchsorted(self._click_place, (first, last))
    row, place = expand(begin, end)
    # One number per (row, query, item); keys of queries are few enough.
    span = int(self._keys.max(initial=0)) + 1
    found, counts = np.unique(
      row * span + self._click_keys[place], return_counts=True
    )
    wanted = asked.row(owners) * span + np.maximum(keys, 0)
    at, there = look_up(found, wanted)
    there &= (keys >= 0) & (keys < span)
    return values_at(counts, at, there)
