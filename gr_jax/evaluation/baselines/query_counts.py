"""Baseline: the items chosen most often after the very same query."""

import numpy as np
from scipy import sparse

from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.data.training_period import page_mask
from gr_jax.evaluation.baselines import top_items


def fit(requests: Requests, popularity: np.ndarray) -> top_items.Fitted:
  """Counts `[Q, N]` clicks and orders of every query in the training period.

  The popularity `[N]` only orders equal counts.
  """
  request = requests.page_request
  kept = page_mask(requests) & (requests.query[request] >= 0)
  order = top_items.popularity_order(popularity)
  pairs = (
    requests.query[request[kept]],
    np.argsort(order)[requests.page_item[kept]],
  )
  ones = np.ones(int(kept.sum()), np.float32)
  shape = (len(requests.queries), len(order))
  return top_items.Fitted(sparse.coo_array((ones, pairs), shape).tocsr(), order)


def rank(
  state: top_items.Fitted,
  query: np.ndarray,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows for query rows `[R]`.

  A query that training never saw gets the popular items.
  """
  ones, ends = np.ones(len(query), np.float32), np.arange(len(query) + 1)
  shape = (len(query), state.weights.shape[0])
  rows = sparse.csr_array((ones, query, ends), shape)
  return top_items.top_products(state, rows, k=k, exclude=exclude)
