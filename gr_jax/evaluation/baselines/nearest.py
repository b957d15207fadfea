"""Baseline: the items whose vectors point the way of the request's vector."""

import numpy as np
from scipy import sparse

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import top_items


def fit(item_vectors: np.ndarray, popularity: np.ndarray) -> top_items.Fitted:
  """Keeps item vectors `[N, D]`; the popularity only orders equal scores."""
  order = top_items.popularity_order(popularity)
  return top_items.Fitted(unit(item_vectors[order]).T, order)


def rank(
  state: top_items.Fitted,
  vectors: np.ndarray,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows by the cosine with request vectors `[R, D]`.

  A zero vector says nothing: its request gets the popular items.
  """
  return top_items.top_products(state, unit(vectors), k=k, exclude=exclude)


def history_vectors(
  item_vectors: np.ndarray, histories: RowLists, *, last: int | None = 10
) -> np.ndarray:
  """`[R, D]` mean vector of the `last` newest items; zero without any.

  The vector of a request that has a history but no query. None takes all items
  of a history.
  """
  recent = histories if last is None else row_lists.newest(histories, last)
  share = (1 / np.maximum(recent.sizes, 1))[recent.owners]
  mixture = sparse.csr_array(
    (share.astype(np.float32), recent.rows, recent.offsets),
    (len(recent), len(item_vectors)),
  )
  return mixture @ item_vectors.astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
  """`[R, D]` float32 vectors of length 1; a zero vector stays zero."""
  vectors = np.asarray(vectors, np.float32)
  norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  return vectors / np.where(norms > 0, norms, 1)
