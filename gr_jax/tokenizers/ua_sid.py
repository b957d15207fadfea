"""UA-SID: what an ad shows is clustered, what it is not is hashed (GR4AD).

  k_l = argmin_j ||r_l - c^(l)_j||^2 + b^(l)_j;  r_{l+1} = r_l - c^(l)_{k_l}
  k_L = h(account, item, conversion type, ..) mod C_L

(arXiv 2602.22732: balanced clusters, whose number falls from level to level,
16384, 4096, 1024, and the last level is a hash of fields without meaning in
place of a quantization.) Two ads with the same film and different accounts have
the same vector, so no quantization tells them apart; their hashes do, but for
one pair in `C_L`.

Balanced clusters are `power_kmeans` `[OURS]`: by its prices `b` a new ad finds
the codes that the fit gave to ads like it, and has its ID at once, whatever
else is in the catalogue. Its vector may come from `ad_encoder`. Bid, budget and
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

from gr_jax.clustering import power_kmeans
from gr_jax.nn.map_rows import map_rows
from gr_jax.tokenizers import quantizers, tokenizer
from gr_jax.tokenizers.stable_hash import Field, hash_codes
from gr_jax.training import scan_fit


@dataclasses.dataclass(frozen=True)
class UaSidConfig:
  """Codes per level, and the length of the clustering.

  Attributes:
    levels: The codes per level, `C_l`; the last level is the hash.
    iterations: The moves of the centroids of a level.

  Raises:
    ValueError: Fewer than two levels, or a level of vectors that is larger than
      the one before.
  """

  levels: tuple[int, ...] = (16384, 4096, 1024)
  iterations: int = 10

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
  """Fitted residual clusters and the size of the hash; see `Tokenizer`.

  Attributes:
    codebooks: Per level of the vector `[C_l, D]`.
    prices: Per level of the vector `[C_l]`, see `power_kmeans`.
    num_hashes: The codes of the last level, `C_L`.
  """

  codebooks: tuple[jax.Array, ...]
  prices: tuple[jax.Array, ...]
  num_hashes: int

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return (*(len(book) for book in self.codebooks), self.num_hashes)

  def encode(
    self, vectors: np.ndarray | jax.Array, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """The codes `[n, L]` of the vectors, -1 in place of the hash."""
    del categories
    vectors = jnp.asarray(vectors, jnp.float32)
    codes = np.asarray(_codes(vectors, self.codebooks, self.prices))
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
    arrays = {"codebooks": self.codebooks, "prices": self.prices}
    tokenizer.save_arrays(directory, arrays)

  @classmethod
  def load(cls, directory: pathlib.Path, section: Mapping[str, Any]) -> "UaSid":
    *_, num_hashes = cls.settings(section).levels
    return cls(**tokenizer.load_arrays(directory), num_hashes=num_hashes)

  @staticmethod
  def settings(section: Mapping[str, Any]) -> UaSidConfig:
    return UaSidConfig(tuple(section["levels"]), section["iterations"])


@jax.jit
def _codes(vectors, codebooks, prices) -> jax.Array:
  assign = [
    functools.partial(power_kmeans.power_code, prices=b) for b in prices
  ]

  def encode(rows):
    return quantizers.residual_quantize(rows, codebooks, assign=assign).codes

  return map_rows(encode, vectors)


def fit(
  vectors: np.ndarray | jax.Array,
  fields: Sequence[Sequence[Field]],
  *,
  config: UaSidConfig,
  key: jax.Array,
) -> tokenizer.FitResult:
  """Clusters the vectors `[N, D]`, and hashes the fields of the N items.

  Every level of the vectors has clusters of one size, but for one item. A few
  items were moved for that: `encode` would not give them the code they have.
  `history` has the error that each level leaves.

  Raises:
    ValueError: Fewer vectors than codes of a level, vectors that are not
      finite, or fields that are refused (`UaSid.encode_items`).
  """
  scan_fit.check_vectors(vectors, name="vectors")
  *levels, num_hashes = config.levels
  hashes = _hashes(fields, len(vectors), num_hashes)
  vectors = jnp.asarray(vectors, jnp.float32)
  residual, found = vectors, []
  for size, level_key in zip(
    levels, jax.random.split(key, len(levels)), strict=True
  ):
    level = power_kmeans.fit(
      residual,
      num_clusters=size,
      key=level_key,
      iterations=config.iterations,
    )
    residual = residual - level.centroids[level.codes]
    found.append(level)
  codebooks = tuple(level.centroids for level in found)
  return tokenizer.FitResult(
    UaSid(codebooks, tuple(level.prices for level in found), num_hashes),
    np.column_stack([*(level.codes for level in found), hashes]),
    latents=np.asarray(vectors),
    codebooks=codebooks,
    restored=np.asarray(vectors - residual),
    history=[
      {"step": step, "loss": float(level.error)}
      for step, level in enumerate(found, 1)
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
