"""Residual k-means with scikit-learn: Lloyd, one start, level by level.

It starts from random rows: its own k-means++ computes in float64 and takes
longer than all iterations together.
"""

import warnings

from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from tools.benchmarks.contender import Run
from tools.benchmarks.synthetic import clustered_vectors, relative_error


def make(*, units, rows, features, codes, iterations) -> Run:
  vectors = clustered_vectors(rows, features)
  warnings.simplefilter("ignore", ConvergenceWarning)

  def run():
    for seed in range(units):
      residual = vectors
      for size in codes:
        level = KMeans(
          size,
          init="random",
          n_init=1,
          max_iter=iterations,
          tol=0.0,
          random_state=seed,
        ).fit(residual)
        residual = residual - level.cluster_centers_[level.labels_]
    return {"error": relative_error(residual, vectors)}

  return run
