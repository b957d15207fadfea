"""Baseline: the items whose vectors point the way of the request's vector."""

import dataclasses

import numpy as np
from scipy import sparse

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.top_items import popularity_order, top_items


@dataclasses.dataclass(frozen=True)
class Nearest:
  """`vectors [N, D]` unit rows in popularity order, and that `order [N]`."""

  vectors: np.ndarray
  order: np.ndarray


def fit(item_vectors: np.ndarray, popularity: np.ndarray) -> Nearest:
  """Keeps item vectors `[N, D]`; the popularity only orders equal scores."""
  order = popularity_order(popularity)
  return Nearest(_unit(item_vectors[order]), order)


def rank(
  state: Nearest,
  vectors: np.ndarray,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows by the cosine with request vectors `[R, D]`.

  A zero vector says nothing: its request gets the popular items.
  """
  units = _unit(vectors)
  return top_items(
    lambda start, stop: units[start:stop] @ state.vectors.T,
    state.order,
    num_requests=len(units),
    k=k,
    exclude=exclude,
  )


def history_vectors(
  item_vectors: np.ndarray, histories: RowLists, *, last: int = 10
) -> np.ndarray:
  """`[R, D]` mean vector of the `last` newest items; zero without any.

  The vector of a request that has a history but no query.
  """
  recent = row_lists.newest(histories, last)
  share = (1 / np.maximum(recent.sizes, 1))[recent.owners]
  mixture = sparse.csr_array(
    (share.astype(np.float32), recent.rows, recent.offsets),
    (len(recent), len(item_vectors)),
  )
  return mixture @ item_vectors.astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
  vectors = np.asarray(vectors, np.float32)
  norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  return vectors / np.where(norms > 0, norms, 1)
