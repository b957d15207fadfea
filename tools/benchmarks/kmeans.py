"""Residual k-means on vectors: the library's own side."""

import jax
import jax.numpy as jnp

from gr_jax.nn.dot import bf16_matmul
from gr_jax.tokenizers import rq_kmeans
from tools.benchmarks.contender import (
  LIBRARY_START,
  Bar,
  Contender,
  Run,
  Section,
)
from tools.benchmarks.synthetic import clustered_vectors, relative_error

SIZES = {
  "rows": 100_000,
  "features": 384,
  "codes": [256, 256, 256],
  "iterations": 10,
}


def section(*, sizes=SIZES) -> Section:
  """Ours in both types, faiss's two ways, scikit-learn's Lloyd."""
  here = "tools.benchmarks"
  shared = {"options": sizes, "items": sizes["rows"]}
  ours = shared | {"setup": LIBRARY_START}
  faiss = shared | {"dtype": "float32", "needs": ("faiss",)}
  sklearn = shared | {"dtype": "float32", "needs": ("sklearn",)}
  contenders = (
    Contender(
      "gr_jax", f"{here}.kmeans:make_bfloat16", dtype="bfloat16", **ours
    ),
    Contender("gr_jax", f"{here}.kmeans:make_float32", dtype="float32", **ours),
    Contender("faiss.Kmeans", f"{here}.kmeans_faiss:make_kmeans", **faiss),
    Contender(
      "faiss.ResidualQuantizer",
      f"{here}.kmeans_faiss:make_residual_quantizer",
      **faiss,
    ),
    Contender("sklearn.KMeans", f"{here}.kmeans_sklearn:make", **sklearn),
  )
  bars = (
    Bar("gr_jax bfloat16", "faiss.Kmeans float32", 5.0),
    Bar("gr_jax bfloat16", "sklearn.KMeans float32", 1.8),
  )
  title = (
    f"residual k-means of {sizes['rows']:,} x {sizes['features']}, "
    f"{len(sizes['codes'])} x {sizes['codes'][0]}, "
    f"{sizes['iterations']} iterations a level"
  )
  return Section("kmeans", title, "fit", "row", contenders, bars)


def make_bfloat16(**options) -> Run:
  return _make(bf16_matmul, **options)


def make_float32(**options) -> Run:
  return _make(jnp.matmul, **options)


def _make(matmul, *, units, rows, features, codes, iterations) -> Run:
  vectors = clustered_vectors(rows, features)
  cluster = rq_kmeans.PlainKMeans(
    iterations=iterations, tolerance=0.0, matmul=matmul
  )
  config = rq_kmeans.RqKMeansConfig(tuple(codes), cluster)

  def run():
    for seed in range(units):
      fitted = rq_kmeans.fit(vectors, config=config, key=jax.random.key(seed))
      jax.block_until_ready(fitted)
    restored = sum(
      book[fitted.codes[:, l]] for l, book in enumerate(fitted.codebooks)
    )
    return {"error": relative_error(vectors - restored, vectors)}

  return run
