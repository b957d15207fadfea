"""The trained queries that are near to one that training never saw.

A trained query q' stands at the middle of its own vector and of the mean c(q')
of the items that it led to, and a query q of vector x(q) reads, of the 10
nearest,

  s(q, q') = x(q) . (x(q') + c(q')) / 2,    w(q') ~ exp(s(q, q') / 0.05)

with all vectors of length 1: what people type is near to what others asked, or
to what these found. The two numbers were chosen on
`tests/reference/typed_queries_valid.csv`. [OURS]
"""

from typing import NamedTuple

import numpy as np

from gr_jax.candidates.independent_rows import rows_times
from gr_jax.candidates.log import Log
from gr_jax.candidates.neighbour_weights import neighbour_weights
from gr_jax.candidates.ordering import largest_first

NEAR, TEMPERATURE = 10, 0.05
_BLOCK = 64  # Queries at a time.


class Neighbours(NamedTuple):
  """Trained queries near to `n` others.

  Attributes:
    rows: `[n, K]`, rows of the training log's queries, -1 = no more.
    weights: `[n, K]`, sum 1; 0 where there is none.
    nearest: `[n]`, the similarity of the nearest, 0 without any.
  """

  rows: np.ndarray
  weights: np.ndarray
  nearest: np.ndarray


class NearQueries:
  """Finds trained queries by vectors.

  Args:
    rows: `[m]`, the rows of queries in the training log.
    places: `[m, D]`, where they stand.
    near: the number of neighbours of a query, at most.

  Attributes:
    rows: as given.
    places: as given, in float16.
  """

  def __init__(self, rows: np.ndarray, places: np.ndarray, *, near: int = NEAR):
    self.rows, self.places = rows, places.astype(np.float16)
    self._numbers = self.places.astype(np.float32)
    self._near = min(near, len(rows))

  def of(self, log: Log, queries: np.ndarray) -> Neighbours:
    """The neighbours of rows `[n]` of a log's queries, itself left out."""
    kept = log.kept.setdefault("near queries", {})
    new = [q for q in np.unique(queries).tolist() if q not in kept]
    for begin in range(0, len(new), _BLOCK):
      some = np.array(new[begin : begin + _BLOCK])
      kept |= zip(some.tolist(), zip(*self._found(log, some)))
    K = self._near
    found = [kept[query] for query in queries.tolist()]
    return Neighbours(
      np.array([rows for rows, _, _ in found], np.int64).reshape(-1, K),
      np.array([weights for _, weights, _ in found]).reshape(-1, K),
      np.array([nearest for _, _, nearest in found], float),
    )

  def _found(self, log: Log, queries: np.ndarray) -> Neighbours:
    scores = rows_times(log.unit_query_vectors[queries], self._numbers.T)
    scores[log.trained_query[queries][:, None] == self.rows] = 0
    best = largest_first(scores, self._near)
    score = np.take_along_axis(scores, best, axis=1).astype(np.float64)
    there = score > 0
    return Neighbours(
      np.where(there, self.rows[best], -1),
      neighbour_weights(score, TEMPERATURE),
      score.max(axis=1, initial=0),
    )
