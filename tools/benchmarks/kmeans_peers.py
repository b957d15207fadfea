"""Residual k-means with faiss and scikit-learn, each imported where it runs."""

import os
import warnings
from collections.abc import Callable

import numpy as np

from tools.benchmarks.contender import Run
from tools.benchmarks.vectors import load, relative_error

Cluster = Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]
"""(rows `[N, D]`, clusters, seed) -> centroids `[C, D]`, codes `[N]`."""


def residual(
  cluster: Cluster, *, vectors: np.ndarray, codes: list[int], units: int
) -> Run:
  """Clusters level by level what the levels before left, `units` times."""

  def run():
    for seed in range(units):
      residual = vectors
      for size in codes:
        centroids, found = cluster(residual, size, seed)
        residual = residual - centroids[found]
    return {"error": relative_error(residual, vectors)}

  return run


def _faiss():
  """Imports faiss and lets it use all cores of the process."""
  import faiss

  faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
  return faiss


def make_faiss_sampled(**options) -> Run:
  """`faiss.Kmeans` on 256 rows a centroid, its default."""
  return _make_faiss({}, **options)


def make_faiss_all_rows(*, data, **options) -> Run:
  """`faiss.Kmeans` on all rows."""
  most = {"max_points_per_centroid": data["rows"]}
  return _make_faiss(most, data=data, **options)


def _make_faiss(settings, *, units, data, codes, iterations) -> Run:
  faiss = _faiss()

  def cluster(x, size, seed):
    level = faiss.Kmeans(
      x.shape[1], size, niter=iterations, seed=seed + 1, **settings
    )
    level.train(x)
    return level.centroids, level.index.search(x, 1)[1][:, 0]

  return residual(cluster, vectors=load(data), codes=codes, units=units)


def make_faiss_quantizer(*, units, data, codes, iterations) -> Run:
  """`faiss.ResidualQuantizer` with a beam of one, as greedy as the others."""
  faiss = _faiss()
  vectors = load(data)
  bits = int(np.log2(codes[0]))

  def run():
    for _ in range(units):
      quantizer = faiss.ResidualQuantizer(vectors.shape[1], len(codes), bits)
      quantizer.train_type = faiss.ResidualQuantizer.Train_default
      quantizer.max_beam_size = 1
      quantizer.cp.niter = iterations
      quantizer.cp.max_points_per_centroid = len(vectors)
      quantizer.train(vectors)
      restored = quantizer.decode(quantizer.compute_codes(vectors))
    return {"error": relative_error(vectors - restored, vectors)}

  return run


def make_sklearn_random(**options) -> Run:
  """Lloyd from random rows."""
  return _make_sklearn("KMeans", {"init": "random", "tol": 0.0}, **options)


def make_sklearn_plus_plus(**options) -> Run:
  """Lloyd from k-means++ on all rows, its default."""
  return _make_sklearn("KMeans", {"tol": 0.0}, **options)


def make_sklearn_minibatch(**options) -> Run:
  """Mini-batches of 4096 from k-means++ on three of them."""
  return _make_sklearn("MiniBatchKMeans", {"batch_size": 4096}, **options)


def _make_sklearn(method, settings, *, units, data, codes, iterations) -> Run:
  import sklearn.cluster
  from sklearn.exceptions import ConvergenceWarning

  warnings.simplefilter("ignore", ConvergenceWarning)
  method = getattr(sklearn.cluster, method)

  def cluster(x, size, seed):
    level = method(
      size, n_init=1, max_iter=iterations, random_state=seed, **settings
    ).fit(x)
    return level.cluster_centers_, level.labels_

  return residual(cluster, vectors=load(data), codes=codes, units=units)
