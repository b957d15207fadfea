"""Residual k-means with faiss: level by level, and its own quantizer."""

import os

import faiss
import numpy as np

from tools.benchmarks import kmeans_levels
from tools.benchmarks.contender import Run
from tools.benchmarks.kmeans_vectors import load
from tools.benchmarks.synthetic import relative_error


def _use_all_cores() -> None:
  faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))


def make_sampled(**options) -> Run:
  """`faiss.Kmeans` on 256 rows a centroid, its default."""
  return _make_kmeans({}, **options)


def make_all_rows(*, data, **options) -> Run:
  """`faiss.Kmeans` on all rows."""
  most = {"max_points_per_centroid": data["rows"]}
  return _make_kmeans(most, data=data, **options)


def _make_kmeans(settings, *, units, data, codes, iterations) -> Run:
  _use_all_cores()

  def cluster(x, size, seed):
    level = faiss.Kmeans(
      x.shape[1], size, niter=iterations, seed=seed + 1, **settings
    )
    level.train(x)
    return level.centroids, level.index.search(x, 1)[1][:, 0]

  return kmeans_levels.make(
    cluster, vectors=load(data), codes=codes, units=units
  )


def make_residual_quantizer(*, units, data, codes, iterations) -> Run:
  """`faiss.ResidualQuantizer` with a beam of one, as greedy as the others."""
  _use_all_cores()
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
