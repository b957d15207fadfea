"""Residual k-means around any program's clustering of one level."""

from collections.abc import Callable

import numpy as np

from tools.benchmarks.contender import Run
from tools.benchmarks.synthetic import relative_error

Cluster = Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]
"""(rows `[N, D]`, clusters, seed) -> centroids `[C, D]`, codes `[N]`."""


def make(
  cluster: Cluster, *, vectors: np.ndarray, codes: list[int], units: int
) -> Run:
  """Clusters what the levels before left, `units` times."""

  def run():
    for seed in range(units):
      residual = vectors
      for size in codes:
        centroids, found = cluster(residual, size, seed)
        residual = residual - centroids[found]
    return {"error": relative_error(residual, vectors)}

  return run
