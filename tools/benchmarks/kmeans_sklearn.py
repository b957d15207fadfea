"""Residual k-means with scikit-learn: one start, level by level."""

import warnings

from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

from tools.benchmarks import kmeans_levels
from tools.benchmarks.contender import Run
from tools.benchmarks.kmeans_vectors import load


def make_random(**options) -> Run:
  """Lloyd from random rows."""
  return _make(KMeans, {"init": "random", "tol": 0.0}, **options)


def make_plus_plus(**options) -> Run:
  """Lloyd from k-means++ on all rows, its default."""
  return _make(KMeans, {"tol": 0.0}, **options)


def make_minibatch(**options) -> Run:
  """Mini-batches of 4096 from k-means++ on three of them."""
  return _make(MiniBatchKMeans, {"batch_size": 4096}, **options)


def _make(method, settings, *, units, data, codes, iterations) -> Run:
  warnings.simplefilter("ignore", ConvergenceWarning)

  def cluster(x, size, seed):
    level = method(
      size, n_init=1, max_iter=iterations, random_state=seed, **settings
    ).fit(x)
    return level.cluster_centers_, level.labels_

  return kmeans_levels.make(
    cluster, vectors=load(data), codes=codes, units=units
  )
