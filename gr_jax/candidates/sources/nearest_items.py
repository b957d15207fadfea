"""The items whose vectors are nearest to those of queries."""

import numpy as np

from gr_jax.candidates.independent_rows import rows_times
from gr_jax.candidates.log import Log
from gr_jax.candidates.ordering import largest_first

_BLOCK = 64  # Queries at a time.


def nearest_items(
  log: Log, queries: np.ndarray, item_vectors: np.ndarray, *, near: int
) -> np.ndarray:
  """`[n, min(near, N)]` items, by cosine, nearest first; ties as they stand.

  Those of a query are found once for all readers of the log.

  Args:
    log: holds the vectors of queries.
    queries: rows of them `[n]`.
    item_vectors: `[N, D]`, unit rows.
    near: the number of items of a query.
  """
  key = f"nearest {near}"
  if key not in log.kept:
    shape = len(log.query_vectors), min(near, len(item_vectors))
    log.kept[key] = np.full(shape, -1, np.int64)
  found = log.kept[key]
  near = found.shape[1]
  new = np.unique(queries[found[queries, 0] < 0])
  for rows in np.array_split(new, -(-len(new) // _BLOCK)) if len(new) else ():
    scores = rows_times(log.unit_query_vectors[rows], item_vectors.T)
    found[rows] = largest_first(scores, near)
  return found[queries]
