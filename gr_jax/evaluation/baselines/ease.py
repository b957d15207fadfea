r"""Baseline: items of the same users, by a linear autoencoder (EASE).

Steck (arXiv 1905.03375): each item is foretold from all others by least
squares with a ridge, over users and items `X` `[U, N]`,

  min_B |X - X B|² + ridge |B|²,  diag(B) = 0
  P = (XᵀX + ridge I)⁻¹,  B_ij = -P_ij / P_jj for i ≠ j        (eq. 8)

and a history `x` `[N]` scores `x B`. Where there are fewer users than items the
same scores come from a system of users (Woodbury), and nothing `[N, N]` exists:

  K = (XXᵀ + ridge I)⁻¹,  q_j = X_·jᵀ K X_·j,  g = x Xᵀ K X
  (x B)_j = (g_j - q_j x_j) / (1 - q_j)

An item that was bought `n` times has the entry `1 + ln n` `[OURS]`: 1 where
nobody buys twice, as in the paper. Time and order are not read.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from gr_jax.data.log_counts import log_counts
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import top_items

# The larger system would not fit: 1 GiB as float32.
LARGEST = 16_384
TOO_LARGE = (
  f"it solves a system of the users or of the items, of at most {LARGEST:,}"
)

_COLUMNS = 1024

Score = Callable[[int, int], np.ndarray]
"""The scores `[stop - start, N]` of rows `start` to `stop`."""


@dataclasses.dataclass(frozen=True)
class Ease:
  """A fitted model.

  Attributes:
    scores: from histories `[R, N]`, sparse, to their scores; columns on both
      sides in popularity order.
    order: `[N]` catalogue rows, most popular first.
  """

  scores: Callable[[Any], Score]
  order: np.ndarray


def is_too_large(sequences: RowLists, *, num_items: int) -> bool:
  """Whether there are more than `LARGEST` users and as many items."""
  return min(int(np.count_nonzero(sequences.sizes)), num_items) > LARGEST


def fit(sequences: RowLists, *, num_items: int, ridge: float) -> Ease:
  """Solves for the training period, one list of `sequences` a user.

  `ridge`, above 0, is the weight of `|B|²`, in squared entries.

  Raises:
    ValueError: both systems are larger than `LARGEST`.
  """
  if is_too_large(sequences, num_items=num_items):
    raise ValueError(
      f"EASE cannot be fitted: {TOO_LARGE}; there are "
      f"{np.count_nonzero(sequences.sizes):,} users and {num_items:,} items."
    )
  popularity = np.bincount(sequences.rows, minlength=num_items)
  order = top_items.popularity_order(popularity)
  x = _entries(sequences, order)
  x = x[np.flatnonzero(sequences.sizes)]
  solve = _by_users if x.shape[0] < num_items else _by_items
  return Ease(solve(x, ridge), order)


def rank(
  state: Ease,
  histories: RowLists,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows by `x B`; without a history the popular items."""
  return top_items.top_items(
    state.scores(_entries(histories, state.order)),
    state.order,
    num_requests=len(histories),
    k=k,
    exclude=exclude,
  )


def _entries(lists: RowLists, order: np.ndarray) -> Any:
  """`1 + ln n` `[R, N]` of each list, columns in popularity order."""
  columns = np.argsort(order)[lists.rows]
  return log_counts(lists.owners, columns, shape=(len(lists), len(order)))


def _by_users(x: Any, ridge: float) -> Callable[[Any], Score]:
  users, num_items = x.shape
  kernel = (x @ x.T).toarray()
  kernel[np.diag_indices(users)] += ridge
  kernel = _inverse(kernel)
  by_item, own = x.T.tocsr(), np.empty(num_items, np.float32)
  for start in range(0, num_items, _COLUMNS):
    part = by_item[start : start + _COLUMNS]
    own[start : start + _COLUMNS] = part.multiply(part @ kernel).sum(axis=1)

  def scores(histories: Any) -> Score:
    alike = (histories @ x.T).toarray() @ kernel

    def score(start: int, stop: int) -> np.ndarray:
      found = alike[start:stop] @ x
      found -= own * histories[start:stop].toarray()
      return found / (1 - own)

    return score

  return scores


def _by_items(x: Any, ridge: float) -> Callable[[Any], Score]:
  num_items = x.shape[1]
  by_item, gram = x.T.tocsr(), np.empty((num_items, num_items), np.float32)
  for start in range(0, num_items, _COLUMNS):
    part = by_item[start : start + _COLUMNS]
    gram[start : start + _COLUMNS] = (part @ x).toarray()
  diagonal = np.diag_indices(num_items)
  gram[diagonal] += ridge
  weights = _inverse(gram)
  weights /= -weights[diagonal]
  weights[diagonal] = 0
  return lambda histories: lambda start, stop: histories[start:stop] @ weights


def _inverse(matrix: np.ndarray) -> np.ndarray:
  """The inverse of a positive definite matrix, in its place."""
  if not len(matrix):
    return matrix
  factor, invert = linalg.get_lapack_funcs(("potrf", "potri"), (matrix,))
  # The transpose is laid out as LAPACK wants it, so that nothing is copied.
  cholesky, failed = factor(matrix.T, lower=True, overwrite_a=True, clean=False)
  assert not failed, "a Gram matrix with a ridge is positive definite"
  inverse, _ = invert(cholesky, lower=True, overwrite_c=True)
  matrix = inverse.T
  for start in range(0, len(matrix), _COLUMNS):
    stop = start + _COLUMNS
    block = np.triu(matrix[start:stop, start:stop])
    matrix[start:stop, start:stop] = block + np.triu(block, 1).T
    matrix[stop:, start:stop] = matrix[start:stop, stop:].T
  return matrix
