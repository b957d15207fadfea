"""Residual k-means with faiss: level by level, and its own quantizer."""

import os

import faiss
import numpy as np

from tools.benchmarks.contender import Run
from tools.benchmarks.synthetic import clustered_vectors, relative_error


def _use_all_cores() -> None:
  faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))


def make_kmeans(*, units, rows, features, codes, iterations) -> Run:
  """`faiss.Kmeans` on what the levels before left, on all rows."""
  _use_all_cores()
  vectors = clustered_vectors(rows, features)

  def run():
    for seed in range(units):
      residual = vectors
      for size in codes:
        level = faiss.Kmeans(
          features,
          size,
          niter=iterations,
          max_points_per_centroid=rows,
          seed=seed + 1,
        )
        level.train(residual)
        found = level.index.search(residual, 1)[1][:, 0]
        residual = residual - level.centroids[found]
    return {"error": relative_error(residual, vectors)}

  return run


def make_residual_quantizer(*, units, rows, features, codes, iterations) -> Run:
  """`faiss.ResidualQuantizer` with a beam of one, as greedy as the others."""
  _use_all_cores()
  vectors = clustered_vectors(rows, features)
  bits = int(np.log2(codes[0]))

  def run():
    for _ in range(units):
      quantizer = faiss.ResidualQuantizer(features, len(codes), bits)
      quantizer.train_type = faiss.ResidualQuantizer.Train_default
      quantizer.max_beam_size = 1
      quantizer.cp.niter = iterations
      quantizer.cp.max_points_per_centroid = rows
      quantizer.train(vectors)
      restored = quantizer.decode(quantizer.compute_codes(vectors))
    return {"error": relative_error(vectors - restored, vectors)}

  return run
