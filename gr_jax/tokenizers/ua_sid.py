"""UA-SID: what an ad shows is clustered, what it is not is hashed (GR4AD).

  r_1 = x;  c^(l) = balanced k-means of r_l;  r_{l+1} = r_l - c^(l)_{k_l}
  k_L = h(account, item, conversion type, ..) mod C_L

(arXiv 2602.22732: sizes fall from level to level, 16384, 4096, 1024, and the
last level is a hash of fields without meaning in place of a quantization.) Two
ads with the same film and different accounts have the same vector, so no
quantization tells them apart; their hashes do, but for one pair in `C_L`.

A new ad has its ID at once: the nearest rows and its own hash, whatever else is
in the catalogue. Its vector may come from `ad_contrast`. Bid, budget and
target are no fields: they change while the ad is served, and with them the ID
would.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.choices import choose
from gr_jax.clustering import balanced_kmeans
from gr_jax.tokenizers import quantizers, rq_kmeans, tokenizer
from gr_jax.tokenizers.stable_hash import Field, hash_codes

CLUSTERS = {**rq_kmeans.CLUSTERS, "even": balanced_kmeans.fit_even}


@dataclasses.dataclass(frozen=True)
class UaSidConfig:
  """Codes per level, and how those of vectors are clustered.

  Attributes:
    levels: The codes per level, `C_l`; the last level is the hash.
    cluster: The clustering of one level; sizes that differ by one at most by
      default.

  Raises:
    ValueError: Fewer than two levels, or a level of vectors that is larger than
      the one before.
  """

  levels: tuple[int, ...] = (16384, 4096, 1024)
  cluster: rq_kmeans.Cluster = balanced_kmeans.fit_even

  def __post_init__(self):
    *vectors, _ = self.levels or (0,)
    if not vectors or min(self.levels) < 1:
      raise ValueError(
        f"levels={self.levels} must be two or more numbers of codes: those of "
        "the vector, and that of the hash behind them."
      )
    if vectors != sorted(vectors, reverse=True):
      raise ValueError(
        f"levels={self.levels} grow from one level to the next; residuals have "
        "less and less to say, so give falling sizes (the last one, the "
        "hash's, is free)."
      )


@dataclasses.dataclass(frozen=True, eq=False)
class UaSid:
  """Fitted residual k-means and the size of the hash; see `Tokenizer`.

  Attributes:
    codebooks: Per level of the vector `[C_l, D]`.
    num_hashes: The codes of the last level, `C_L`.
  """

  codebooks: tuple[jax.Array, ...]
  num_hashes: int

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return (*(len(book) for book in self.codebooks), self.num_hashes)

  def encode(
    self, vectors: np.ndarray | jax.Array, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """The nearest codes `[n, L]` of the vectors, -1 in place of the hash."""
    del categories
    vectors = jnp.asarray(vectors, jnp.float32)
    codes = np.asarray(quantizers.nearest_codes(vectors, self.codebooks))
    return np.column_stack([codes, np.full(len(codes), -1, np.int32)])

  def encode_items(
    self, vectors: np.ndarray | jax.Array, fields: Sequence[Sequence[Field]]
  ) -> np.ndarray:
    """Whole codes `[n, L]` of items that were not there at the fit.

    Args:
      vectors: `[n, D]`.
      fields: The fields of each item that the last code hashes, the same ones
        in the same order as at the fit.

    Raises:
      ValueError: Another number of fields than of vectors, or fields that
        `hash_codes` refuses.
    """
    codes = self.encode(vectors)
    codes[:, -1] = _hashes(fields, len(codes), self.num_hashes)
    return codes

  def save(self, directory: pathlib.Path) -> None:
    tokenizer.save_arrays(directory, self.codebooks)

  @classmethod
  def load(cls, directory: pathlib.Path, section: Mapping[str, Any]) -> "UaSid":
    levels = cls.settings(section).levels
    return cls(tokenizer.load_arrays(directory), levels[-1])

  @staticmethod
  def settings(section: Mapping[str, Any]) -> UaSidConfig:
    cluster = choose("tokenizer.clusters", section["clusters"], CLUSTERS)
    return UaSidConfig(
      tuple(section["levels"]),
      functools.partial(cluster, iterations=section["iterations"]),
    )


def fit(
  vectors: np.ndarray | jax.Array,
  fields: Sequence[Sequence[Field]],
  *,
  config: UaSidConfig,
  key: jax.Array,
) -> tokenizer.FitResult:
  """Clusters the vectors `[N, D]`, and hashes the fields of the N items.

  The codes are those of the clusters, which balanced ones do not repeat for a
  vector that comes later. `history` has the error that each level leaves.

  Raises:
    ValueError: Fewer vectors than codes of a level, vectors that are not
      finite, or fields that are refused (`UaSid.encode_items`).
  """
  *levels, num_hashes = config.levels
  hashes = _hashes(fields, len(vectors), num_hashes)
  clusters = rq_kmeans.fit(
    vectors,
    config=rq_kmeans.RqKMeansConfig(tuple(levels), config.cluster),
    key=key,
  )
  codes = np.asarray(clusters.codes)
  return tokenizer.FitResult(
    UaSid(clusters.codebooks, num_hashes),
    np.column_stack([codes, hashes]),
    latents=np.asarray(vectors, np.float32),
    codebooks=clusters.codebooks,
    restored=np.asarray(quantizers.sum_codes(codes, clusters.codebooks)),
    history=[
      {"step": level, "loss": float(error)}
      for level, error in enumerate(clusters.errors, 1)
    ],
  )


def _hashes(
  fields: Sequence[Sequence[Field]], count: int, num_hashes: int
) -> np.ndarray:
  if len(fields) != count:
    raise ValueError(
      f"{count} vectors have the fields of {len(fields)} items; give each item "
      "its own."
    )
  return hash_codes(fields, num_codes=num_hashes)
