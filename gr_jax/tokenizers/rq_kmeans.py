"""RQ-KMeans: residual k-means on the vectors themselves (OneRec).

r_1 = x;  c^(l) = k-means(r_l);  r_{l+1} = r_l - c^(l)_{k_l}
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.choices import choose
from gr_jax.clustering import balanced_kmeans, kmeans
from gr_jax.tokenizers import quantizers, tokenizer
from gr_jax.training import scan_fit

Cluster = Callable[..., kmeans.KMeans]
"""(residuals `[N, D]`, *, num_clusters, key) -> the clusters of one level."""

CLUSTERS = {"plain": kmeans.fit, "balanced": balanced_kmeans.fit}


@dataclasses.dataclass(frozen=True)
class RqKMeansConfig:
  """Codes per level, and how each level is clustered."""

  levels: tuple[int, ...] = (256, 256, 256)
  cluster: Cluster = kmeans.fit


class ResidualClusters(NamedTuple):
  """Residual k-means of some vectors.

  Attributes:
    codebooks: per level `[C_l, D]`.
    codes: `[N, L]` int32 of the vectors it was fitted on. With
      `balanced_kmeans` they are the balanced assignment, which `encode` (the
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
    self, vectors: np.ndarray | jax.Array, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """The nearest codes `[n, L]` at every level."""
    del categories
    vectors = jnp.asarray(vectors, jnp.float32)
    return np.asarray(quantizers.nearest_codes(vectors, self.codebooks))

  def save(self, directory: pathlib.Path) -> None:
    tokenizer.save_arrays(directory, self.codebooks)

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "RqKMeans":
    del section
    return cls(tokenizer.load_arrays(directory))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> RqKMeansConfig:
    cluster = choose("tokenizer.clusters", section["clusters"], CLUSTERS)
    return RqKMeansConfig(
      tuple(section["levels"]),
      functools.partial(cluster, iterations=section["iterations"]),
    )
