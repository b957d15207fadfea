"""RQ-KMeans: residual k-means on the vectors themselves (OneRec).

r_1 = x;  c^(l) = k-means(r_l);  r_{l+1} = r_l - c^(l)_{k_l}
"""

import dataclasses
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gr_jax.clustering import balanced_kmeans, cluster_sums, kmeans
from gr_jax.nn import map_rows
from gr_jax.tokenizers import quantizers
from gr_jax.training import scan_fit


class Cluster(Protocol):
  """Clusters the residuals `[N, D]` of one level."""

  def __call__(
    self, x: jax.Array, *, num_clusters: int, key: jax.Array
  ) -> kmeans.KMeans: ...


@dataclasses.dataclass(frozen=True)
class PlainKMeans:
  """Lloyd's iterations; see `kmeans.fit`."""

  iterations: int = 10
  tolerance: float = 1e-4
  matmul: cluster_sums.Matmul = cluster_sums.bf16_products
  mesh: Mesh | None = None

  def __call__(self, x, *, num_clusters, key):
    return kmeans.fit(
      x,
      num_clusters=num_clusters,
      key=key,
      iterations=self.iterations,
      tolerance=self.tolerance,
      matmul=self.matmul,
      mesh=self.mesh,
    )


@dataclasses.dataclass(frozen=True)
class BalancedKMeans:
  """Clusters of equal size; see `balanced_kmeans.fit`."""

  iterations: int = 10

  def __call__(self, x, *, num_clusters, key):
    return balanced_kmeans.fit(
      x,
      num_clusters=num_clusters,
      key=key,
      iterations=self.iterations,
    )


@dataclasses.dataclass(frozen=True)
class RqKMeansConfig:
  """Codes per level, and how each level is clustered."""

  levels: tuple[int, ...] = (256, 256, 256)
  cluster: Cluster = PlainKMeans()


class RqKMeans(NamedTuple):
  """A fitted tokenizer.

  Attributes:
    codebooks: per level `[C_l, D]`.
    codes: `[N, L]` int32 of the vectors it was fitted on. With
      `BalancedKMeans` they are the balanced assignment, which `encode` (the
      nearest row) does not repeat.
    errors: per level, mean squared norm of what is left.
  """

  codebooks: tuple[jax.Array, ...]
  codes: jax.Array
  errors: jax.Array


def fit(
  vectors: np.ndarray | jax.Array, *, config: RqKMeansConfig, key: jax.Array
) -> RqKMeans:
  """Fits one k-means per level on what the levels before left of `[N, D]`.

  Raises:
    ValueError: fewer vectors than codes of a level, or not finite ones.
  """
  scan_fit.check_vectors(vectors, name="vectors")
  residual = jnp.asarray(vectors, jnp.float32)
  found = []
  for size, level_key in zip(
    config.levels, jax.random.split(key, len(config.levels)), strict=True
  ):
    level = config.cluster(residual, num_clusters=size, key=level_key)
    residual = _subtract(residual, level.centroids, level.codes)
    found.append(level)
  return RqKMeans(
    tuple(level.centroids for level in found),
    jnp.stack([level.codes for level in found], axis=-1),
    jnp.stack([level.error for level in found]),
  )


@jax.jit
def _subtract(residual, centroids, codes):
  return residual - centroids[codes]


@jax.jit
def _encode(codebooks, vectors):
  return map_rows.map_rows(
    lambda x: quantizers.residual_quantize(x, codebooks).codes, vectors
  )


def encode(
  codebooks: tuple[jax.Array, ...], vectors: np.ndarray | jax.Array
) -> np.ndarray:
  """Codes `[N, L]` int32 of `[N, D]`: the nearest row at every level."""
  return np.asarray(_encode(codebooks, jnp.asarray(vectors, jnp.float32)))
