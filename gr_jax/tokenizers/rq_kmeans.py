"""RQ-KMeans: residual k-means on the vectors themselves (OneRec).

r_1 = x;  c^(l) = k-means(r_l);  r_{l+1} = r_l - c^(l)_{k_l}
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gr_jax.choices import choose
from gr_jax.clustering import balanced_kmeans, cluster_sums, kmeans
from gr_jax.nn import map_rows
from gr_jax.tokenizers import quantizers, tokenizer
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


CLUSTERS = {"plain": PlainKMeans, "balanced": BalancedKMeans}


@dataclasses.dataclass(frozen=True)
class RqKMeansConfig:
  """Codes per level, and how each level is clustered."""

  levels: tuple[int, ...] = (256, 256, 256)
  cluster: Cluster = PlainKMeans()


class ResidualClusters(NamedTuple):
  """Residual k-means of some vectors.

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
) -> ResidualClusters:
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
  return ResidualClusters(
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


@dataclasses.dataclass(frozen=True, eq=False)
class RqKMeans:
  """Fitted residual k-means; see `Tokenizer`.

  Attributes:
    codebooks: Per level `[C_l, D]`.
  """

  codebooks: tuple[jax.Array, ...]

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return tuple(len(book) for book in self.codebooks)

  def encode(
    self,
    vectors: np.ndarray | jax.Array,
    categories: np.ndarray | None = None,
  ) -> np.ndarray:
    """The nearest codes `[n, L]` at every level."""
    del categories
    vectors = jnp.asarray(vectors, jnp.float32)
    return np.asarray(_encode(self.codebooks, vectors))

  def save(self, directory: pathlib.Path) -> None:
    tokenizer.save_arrays(directory, self.codebooks)

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "RqKMeans":
    del section
    return cls(tokenizer.levels(tokenizer.load_arrays(directory)))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> RqKMeansConfig:
    cluster = choose("tokenizer.clusters", section["clusters"], CLUSTERS)
    return RqKMeansConfig(
      tuple(section["levels"]), cluster(iterations=section["iterations"])
    )
