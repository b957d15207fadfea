"""Residual k-means at equal error: the library's own side.

Iterations of different programs do not do the same, so each comes with several
numbers of them, and a bar counts only where our error is no higher.
"""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import cluster_sums
from gr_jax.tokenizers import rq_kmeans
from tools.benchmarks.contender import (
  LIBRARY_START,
  Bar,
  Contender,
  Run,
  Section,
)
from tools.benchmarks.vectors import load

HERE = "tools.benchmarks"
ITEMS = {"vectors": f"{HERE}.vectors:item_vectors", "rows": 68_509}
MIXTURE = {
  "vectors": f"{HERE}.vectors:mixture",
  "rows": 100_000,
  "features": 384,
}
EQUAL = 1.005  # Errors within half a percent.


def section(
  *, name: str = "kmeans", data=ITEMS, codes=(256, 256, 256)
) -> Section:
  """Ours, faiss and scikit-learn on the default data's item vectors."""
  shared = {"data": data, "codes": list(codes)}
  contenders = (*_ours(**shared), *_peers(**shared))
  title = (
    f"residual k-means, {len(codes)} x {codes[0]}, of {data['rows']:,} rows "
    f"({data['vectors'].partition(':')[2]}), after the iterations named"
  )
  return Section(name, title, "fit", "rows", contenders, tuple(_bars()))


def mixture_section() -> Section:
  """The same on a mixture of clusters."""
  return section(name="kmeans_mixture", data=MIXTURE)


def _contender(name, make, *, data, codes, iterations, more=(), **fields):
  options = {"data": data, "codes": codes, "iterations": iterations}
  return Contender(
    f"{name} {iterations}",
    f"{HERE}.{make}",
    options | dict(more),
    items=data["rows"],
    **fields,
  )


def _ours(**shared):
  """A pass of mini-batches, then as many of Lloyd's iterations."""
  for iterations, dtype in ((0, "bfloat16"), (2, "bfloat16"), (2, "float32")):
    yield _contender(
      "gr_jax",
      "kmeans:make",
      iterations=iterations,
      more={"dtype": dtype},
      dtype=dtype,
      setup=LIBRARY_START,
      **shared,
    )


def _peers(**shared):
  shared |= {"iterations": 10, "dtype": "float32"}
  for name, make in (
    ("faiss.Kmeans", "make_faiss_sampled"),
    ("faiss.Kmeans all rows", "make_faiss_all_rows"),
    ("faiss.ResidualQuantizer", "make_faiss_quantizer"),
  ):
    yield _contender(name, f"kmeans_peers:{make}", needs=("faiss",), **shared)
  for name, make in (
    ("sklearn.KMeans random", "make_sklearn_random"),
    ("sklearn.KMeans k-means++", "make_sklearn_plus_plus"),
    ("sklearn.MiniBatchKMeans", "make_sklearn_minibatch"),
  ):
    yield _contender(name, f"kmeans_peers:{make}", needs=("sklearn",), **shared)


def _bars():
  """Beside each peer our fewest iterations that reach its error."""
  for iterations, peer, minimum in (
    (0, "faiss.Kmeans", 5.0),
    (0, "faiss.Kmeans all rows", 5.0),
    (0, "sklearn.KMeans random", 1.8),
    (2, "sklearn.KMeans k-means++", 1.8),
  ):
    ours = f"gr_jax {iterations} bfloat16"
    yield Bar(ours, f"{peer} 10 float32", minimum, EQUAL)


def make(*, units, data, codes, iterations, dtype) -> Run:
  """Fits `units` times."""
  matmul = {"bfloat16": cluster_sums.bf16_products, "float32": jnp.matmul}[
    dtype
  ]
  vectors = load(data)
  energy = np.vdot(vectors, vectors) / len(vectors)
  cluster = rq_kmeans.PlainKMeans(
    iterations=iterations, tolerance=0.0, matmul=matmul
  )
  config = rq_kmeans.RqKMeansConfig(tuple(codes), cluster)

  def run():
    for seed in range(units):
      fitted = rq_kmeans.fit(vectors, config=config, key=jax.random.key(seed))
      jax.block_until_ready(fitted)
    return {"error": float(fitted.errors[-1] / energy)}

  return run
