"""Residual k-means at equal error: ours, faiss's and scikit-learn's.

Iterations of different programs do not do the same, so each comes with several
numbers of them, and a bar counts only where our error is no higher. Peers are
imported where they run.
"""

import functools
import os
import warnings
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import cluster_sums, kmeans
from gr_jax.tokenizers import rq_kmeans
from tools.benchmarks.contender import Bar, Contender, Run, Section
from tools.benchmarks.vectors import item_vectors, mixture, relative_error

ITEMS = functools.partial(item_vectors, rows=68_509)
MIXTURE = functools.partial(mixture, rows=100_000, features=384)
EQUAL = 1.005  # Errors within half a percent.

Cluster = Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]
"""(rows `[N, D]`, clusters, seed) -> centroids `[C, D]`, codes `[N]`."""

_PEERS = {
  "faiss.Kmeans": ("make_faiss", {"max_points_per_centroid": 256}),
  "faiss.Kmeans all rows": ("make_faiss", {"max_points_per_centroid": 1 << 30}),
  "sklearn.KMeans random": ("make_sklearn", {"init": "random"}),
  "sklearn.KMeans k-means++": ("make_sklearn", {"init": "k-means++"}),
}


def section(
  *, name: str = "kmeans", data=ITEMS, codes: Sequence[int] = (256, 256, 256)
) -> Section:
  """Ours, faiss and scikit-learn on the default data's item vectors."""
  rows = data.keywords["rows"]

  def contender(name: str, make: str, iterations: int, **more) -> Contender:
    needs = () if make == "make" else (make.removeprefix("make_"),)
    return Contender(
      f"{name} {iterations}",
      f"tools.benchmarks.kmeans:{make}",
      {"data": data, "codes": codes, "iterations": iterations, **more},
      items=rows,
      needs=needs,
    )

  # A pass of mini-batches, then as many of Lloyd's iterations.
  ours = [
    contender("gr_jax", "make", iterations, dtype=dtype)
    for iterations, dtype in ((0, "bfloat16"), (2, "bfloat16"), (2, "float32"))
  ]
  peers = [
    contender(name, make, 10, settings=settings)
    for name, (make, settings) in _PEERS.items()
  ]
  # Beside each peer our fewest iterations that reach its error.
  bars = tuple(
    Bar(f"gr_jax {iterations} bfloat16", f"{peer} 10", minimum, EQUAL)
    for iterations, peer, minimum in (
      (0, "faiss.Kmeans", 5.0),
      (0, "faiss.Kmeans all rows", 5.0),
      (0, "sklearn.KMeans random", 1.8),
      (2, "sklearn.KMeans k-means++", 1.8),
    )
  )
  title = (
    f"residual k-means, {len(codes)} x {codes[0]}, of {rows:,} rows "
    f"({data.func.__name__}), after the iterations named"
  )
  return Section(name, title, "fit", "rows", (*ours, *peers), bars)


def make(*, units, data, codes, iterations, dtype) -> Run:
  """Fits `units` times."""
  bf16 = dtype == "bfloat16"
  matmul = cluster_sums.bf16_products if bf16 else jnp.matmul
  vectors = data()
  energy = np.vdot(vectors, vectors) / len(vectors)
  cluster = functools.partial(
    kmeans.fit, iterations=iterations, tolerance=0.0, matmul=matmul
  )
  config = rq_kmeans.RqKMeansConfig(tuple(codes), cluster)

  def run():
    for seed in range(units):
      fitted = rq_kmeans.fit(vectors, config=config, key=jax.random.key(seed))
      jax.block_until_ready(fitted)
    return {"error": float(fitted.errors[-1] / energy)}

  return run


def residual(
  cluster: Cluster, *, vectors: np.ndarray, codes: Sequence[int], units: int
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


def make_faiss(*, units, data, codes, iterations, settings: Mapping) -> Run:
  """`faiss.Kmeans`, by default on 256 rows a centroid."""
  import faiss

  faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))

  def cluster(x, size, seed):
    level = faiss.Kmeans(
      x.shape[1], size, niter=iterations, seed=seed + 1, **settings
    )
    level.train(x)
    return level.centroids, level.index.search(x, 1)[1][:, 0]

  return residual(cluster, vectors=data(), codes=codes, units=units)


def make_sklearn(*, units, data, codes, iterations, settings: Mapping) -> Run:
  """Lloyd from random rows, or from k-means++ on all rows, its default."""
  from sklearn.cluster import KMeans
  from sklearn.exceptions import ConvergenceWarning

  warnings.simplefilter("ignore", ConvergenceWarning)

  def cluster(x, size, seed):
    level = KMeans(
      size,
      n_init=1,
      max_iter=iterations,
      tol=0.0,
      random_state=seed,
      **settings,
    ).fit(x)
    return level.cluster_centers_, level.labels_

  return residual(cluster, vectors=data(), codes=codes, units=units)
