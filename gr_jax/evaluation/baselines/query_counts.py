"""Baseline: the items chosen most often after the very same query."""

import dataclasses

import numpy as np
from scipy import sparse

from gr_jax.data.requests import EXPOSED, TRAIN, Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.top_items import popularity_order, top_items


@dataclasses.dataclass(frozen=True)
class QueryCounts:
  """`counts [Q, N]`, columns in popularity order, and that `order [N]`."""

  counts: sparse.csr_array
  order: np.ndarray


def fit(requests: Requests, popularity: np.ndarray) -> QueryCounts:
  """Counts the clicks and orders of every query in the training period.

  The popularity `[N]` only orders equal counts.
  """
  request = requests.page_request
  kept = (
    (requests.page_kind > EXPOSED)
    & (requests.split[request] == TRAIN)
    & (requests.query[request] >= 0)
  )
  order = popularity_order(popularity)
  pairs = (
    requests.query[request[kept]],
    np.argsort(order)[requests.page_item[kept]],
  )
  ones = np.ones(int(kept.sum()), np.float32)
  shape = (len(requests.queries), len(order))
  return QueryCounts(sparse.coo_array((ones, pairs), shape).tocsr(), order)


def rank(
  state: QueryCounts,
  query: np.ndarray,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows for query rows `[R]`.

  A query that training never saw gets the popular items.
  """
  return top_items(
    lambda start, stop: state.counts[query[start:stop]].toarray(),
    state.order,
    num_requests=len(query),
    k=k,
    exclude=exclude,
  )
