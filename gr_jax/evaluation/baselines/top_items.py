"""The best k of every catalogue row, without ties left to chance."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists

# Scores in one block: 64 MB as float32.
_BLOCK = 16_000_000


@dataclasses.dataclass(frozen=True)
class Fitted:
  """A baseline whose scores are products with the row of a request.

  Attributes:
    weights: `[D, N]` float32, dense or sparse, columns in popularity order.
    order: `[N]` catalogue rows, most popular first.
  """

  weights: Any
  order: np.ndarray


def popularity_order(popularity: np.ndarray) -> np.ndarray:
  """`[N]` int32 catalogue rows, most popular first, then lowest row first.

  Baselines keep their columns in this order, so that equal scores fall to the
  more popular item without any further work.
  """
  return np.argsort(-popularity, kind="stable").astype(np.int32)


def top_products(
  state: Fitted,
  rows: Any,
  *,
  k: int,
  exclude: RowLists | None,
) -> np.ndarray:
  """`[R, k]` int32 catalogue rows by `rows @ weights`, rows `[R, D]`."""
  weights = state.weights

  def score(start: int, stop: int) -> np.ndarray:
    if not (sparse.issparse(rows) and sparse.issparse(weights)):
      return rows[start:stop] @ weights
    # Sums lie in a dense row: a sparse product looks for each in a list.
    scores = np.empty((stop - start, weights.shape[1]), np.float32)
    for r, found in enumerate(scores, start):
      mine = slice(rows.indptr[r], rows.indptr[r + 1])
      found[:] = rows.data[mine] @ weights[rows.indices[mine]]
    return scores

  return top_items(
    score, state.order, num_requests=rows.shape[0], k=k, exclude=exclude
  )


def top_items(
  score: Callable[[int, int], np.ndarray],
  order: np.ndarray,
  *,
  num_requests: int,
  k: int,
  exclude: RowLists | None,
) -> np.ndarray:
  """`[R, k]` int32 catalogue rows, best first, -1 where none is left.

  Args:
    score: `score(start, stop)` gives fresh float32 scores `[stop - start, N]`
      of these requests, columns in popularity order; -inf is never returned.
    order: `[N]` from `popularity_order`.
    num_requests: R.
    k: length of the rankings.
    exclude: rows that a request must not be shown, taken out before the top k.
  """
  column_of = np.argsort(order)
  ranked = np.full((num_requests, k), -1, np.int32)
  block = max(1, _BLOCK // max(len(order), 1))
  for start in range(0, num_requests, block):
    stop = min(start + block, num_requests)
    scores = score(start, stop)
    if exclude is not None:
      hidden = row_lists.part(exclude, start, stop)
      scores[hidden.owners, column_of[hidden.rows]] = -np.inf
    for r, row in enumerate(scores, start):
      columns = _top_columns(row, k)
      ranked[r, : len(columns)] = order[columns]
  return ranked


def _top_columns(scores: np.ndarray, k: int) -> np.ndarray:
  """Columns of the k best scores [N], ties to the lowest column."""
  k = min(k, len(scores))
  # Most scores of a sparse baseline are 0, and a partition is slow among
  # equals.
  positive = scores[np.flatnonzero(scores > 0)]
  pool = positive if len(positive) >= k else scores
  # A partition of values is several times faster than one of positions.
  worst = np.partition(pool, len(pool) - k)[len(pool) - k]
  above = np.flatnonzero(scores > worst)
  above = above[np.argsort(-scores[above], kind="stable")]
  if worst == -np.inf:
    return above
  tied = np.flatnonzero(scores == worst)[: k - len(above)]
  return np.concatenate([above, tied])
