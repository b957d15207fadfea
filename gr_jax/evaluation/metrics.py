"""Ranking metrics of many requests at once.

A request has a ranking `ranked[r]` (best first, -1 where nothing is left) and a
non-empty set of relevant rows. With `h_i = 1` where the row at rank `i` is
relevant and `n` relevant rows,

  recall@k   = Σ_{i<=k} h_i / n
  hit_rate@k = max_{i<=k} h_i
  ndcg@k     = Σ_{i<=k} h_i / log2(1 + i)  /  Σ_{i<=min(k, n)} 1 / log2(1 + i)
  mrr@k      = max_{i<=k} h_i / i

A relevant row that is ranked twice counts at its first place only; the second
place is lost, as it would be on a page. A relevant row given twice is one row.
"""

from collections.abc import Sequence

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists

METRICS = ("recall", "hit_rate", "ndcg", "mrr")
CUTOFFS = (1, 5, 10, 20, 50, 100)


def hit_matrix(ranked: np.ndarray, relevant: RowLists) -> np.ndarray:
  """`[R, K]` bool: a relevant row stands here, for the first time.

  Raises:
    ValueError: `ranked [R, K]` and `relevant` differ in the number of requests.
  """
  if len(ranked) != len(relevant):
    raise ValueError(
      f"{len(ranked)} rankings but {len(relevant)} sets of relevant rows: "
      "pass both for the same requests"
    )
  # One sorted join of (request, row) numbers answers every metric and cutoff.
  highest = max(ranked.max(initial=0), relevant.rows.max(initial=0))
  span = int(highest) + 1
  wanted = relevant.owners * span + relevant.rows
  places = np.arange(len(ranked))[:, None] * span + ranked
  hits = np.isin(places, wanted) & (ranked >= 0)
  at = np.flatnonzero(hits)
  _, first = np.unique(places.ravel()[at], return_index=True)
  hits.ravel()[np.delete(at, first)] = False
  return hits


def recall(hits: np.ndarray, num_relevant: np.ndarray, *, k: int) -> np.ndarray:
  """`[R]` share of the relevant rows among the first `k`."""
  return hits[:, :k].sum(axis=1) / num_relevant


def hit_rate(hits: np.ndarray, *, k: int) -> np.ndarray:
  """`[R]` 1 where any relevant row is among the first `k`, else 0."""
  return np.asarray(hits[:, :k].any(axis=1), np.float64)


def ndcg(hits: np.ndarray, num_relevant: np.ndarray, *, k: int) -> np.ndarray:
  """`[R]` discounted gain over that of the best possible ranking."""
  discounts = 1 / np.log2(np.arange(2, k + 2))
  best = np.cumsum(discounts)[np.minimum(num_relevant, k) - 1]
  return hits[:, :k] @ discounts[: hits.shape[1]] / best


def mrr(hits: np.ndarray, *, k: int) -> np.ndarray:
  """`[R]` one over the rank of the first relevant row, 0 past rank `k`."""
  top = hits[:, :k]
  return np.where(top.any(axis=1), 1 / (1 + top.argmax(axis=1)), 0.0)


def request_metrics(
  ranked: np.ndarray,
  relevant: RowLists,
  *,
  cutoffs: Sequence[int] = CUTOFFS,
) -> np.ndarray:
  """`[R, len(METRICS), len(cutoffs)]`: every metric of every request.

  A request without relevant rows has no metric: its figures are NaN, which the
  intervals leave out. Rankings shorter than a cutoff count as filled with -1.
  """
  relevant = row_lists.distinct(relevant)
  hits, sizes = hit_matrix(ranked, relevant), relevant.sizes
  counted = np.maximum(sizes, 1)
  values = [
    [recall(hits, counted, k=k) for k in cutoffs],
    [hit_rate(hits, k=k) for k in cutoffs],
    [ndcg(hits, counted, k=k) for k in cutoffs],
    [mrr(hits, k=k) for k in cutoffs],
  ]
  return np.where(
    sizes[:, None, None] > 0, np.moveaxis(np.array(values), 2, 0), np.nan
  )


def to_ids(ranked: np.ndarray, id_of_item: np.ndarray) -> np.ndarray:
  """`[R, K]` the ranking of IDs that a ranking of items implies.

  Every ID keeps its first place and later ones move up; -1 fills the end. A
  ranking of K items may name fewer than K IDs.
  """
  ids = np.where(ranked >= 0, id_of_item[ranked], -1)
  by_id = np.argsort(ids, axis=1, kind="stable")
  ordered = np.take_along_axis(ids, by_id, axis=1)
  again = np.zeros(ids.shape, bool)
  again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
  repeated = np.zeros(ids.shape, bool)
  np.put_along_axis(repeated, by_id, again, axis=1)
  ids = np.where(repeated, -1, ids)
  order = np.argsort(ids < 0, axis=1, kind="stable")
  return np.take_along_axis(ids, order, axis=1)


def head_items(popularity: np.ndarray, *, share: float = 0.8) -> np.ndarray:
  """`[N]` bool: the fewest most popular items that hold `share` of all events.

  Ties go to the lower row. What is not head is tail.
  """
  order = np.argsort(-popularity, kind="stable")
  before = np.cumsum(popularity[order]) - popularity[order]
  head = np.zeros(len(popularity), bool)
  head[order[before < share * popularity.sum()]] = True
  return head
