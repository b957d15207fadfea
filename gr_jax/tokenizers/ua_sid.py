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
else is in the catalogue. The vectors may be those of a contrast (`AdVectors`),
which read the advertiser. Bid, budget and target are no fields: they change
while the ad is served, and with them the ID would.

The last code needs no vector and no table, so `suffix` and `split` may follow
it (`POLICIES`); policies that choose the last code have none to choose here.
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
from gr_jax.data.catalogue import ITEM_ID
from gr_jax.nn.map_rows import map_rows
from gr_jax.tokenizers import quantizers, tokenizer
from gr_jax.tokenizers.ad_vectors import AdVectors
from gr_jax.tokenizers.stable_hash import Field, hash_codes
from gr_jax.training import scan_fit

POLICIES = ("clusters", "suffix", "split")
"""The policies on items with equal codes that leave the hash as it is."""

_ADS = "ads"  # The folder of the contrast's encoder.


@dataclasses.dataclass(frozen=True)
class UaSidConfig:
  """Codes per level, and the length of the clustering.

  Attributes:
    levels: The codes per level, `C_l`; the last level is the hash.
    iterations: The moves of the centroids of a level.
    fields: The names of the fields that the hash reads, in their order.

  Raises:
    ValueError: Fewer than two levels, a level of vectors that is larger than
      the one before, or no field.
  """

  levels: tuple[int, ...] = (16384, 4096, 1024)
  iterations: int = 10
  fields: tuple[str, ...] = (ITEM_ID, "account", "conversion")

  def __post_init__(self):
    if not self.fields or len(set(self.fields)) < len(self.fields):
      raise ValueError(
        f"fields={self.fields} must be one name or more, each once; "
        f"{ITEM_ID!r} is the item's own id."
      )
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
    field_names: The fields that the hash reads, in their order.
    ads: Makes the vectors that are clustered; None for the given ones.
  """

  codebooks: tuple[jax.Array, ...]
  prices: tuple[jax.Array, ...]
  num_hashes: int
  field_names: tuple[str, ...]
  ads: AdVectors | None = None

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return (*(len(book) for book in self.codebooks), self.num_hashes)

  def encode(
    self,
    vectors: np.ndarray | jax.Array,
    categories: np.ndarray | None = None,
    fields: Sequence[Sequence[Field]] | np.ndarray | None = None,
  ) -> np.ndarray:
    """The codes `[n, L]` of items that were not there at the fit.

    Args:
      vectors: `[n, D]`.
      categories: `[n]`, -1 unknown; only `ads` reads them.
      fields: The `field_names` of each item. Without them the last code, which
        hashes them, is -1: that is no whole ID.

    Raises:
      ValueError: Another number of items with fields than of vectors, or fields
        that `hash_codes` refuses.
    """
    if self.ads is not None:
      read = self._fields_of(self.ads.field_names, fields, len(vectors))
      vectors = self.ads.encode(np.asarray(vectors), categories, read)
    codes = np.asarray(
      _codes(jnp.asarray(vectors, jnp.float32), self.codebooks, self.prices)
    )
    hashes = np.full(len(codes), -1, np.int32)
    if fields is not None:
      hashes = _hashes(fields, len(codes), self.num_hashes)
    return np.column_stack([codes, hashes])

  def _fields_of(self, names, fields, count: int) -> np.ndarray:
    """`[n, len(names)]` of the fields; None throughout where none are given."""
    found = np.full((count, len(names)), None, object)
    if fields is None:
      return found
    for place, name in enumerate(names):
      column = self.field_names.index(name)
      found[:, place] = [row[column] for row in fields]
    return found

  def save(self, directory: pathlib.Path) -> None:
    arrays = {"codebooks": self.codebooks, "prices": self.prices}
    tokenizer.save_arrays(directory, arrays)
    if self.ads is not None:
      (directory / _ADS).mkdir()
      self.ads.save(directory / _ADS)

  @classmethod
  def load(cls, directory: pathlib.Path, section: Mapping[str, Any]) -> "UaSid":
    config = cls.settings(section)
    ads = directory / _ADS
    return cls(
      **tokenizer.load_arrays(directory),
      num_hashes=config.levels[-1],
      field_names=config.fields,
      ads=AdVectors.load(ads) if ads.is_dir() else None,
    )

  @staticmethod
  def settings(section: Mapping[str, Any]) -> UaSidConfig:
    policy = section.get("collisions", POLICIES[0])
    if policy not in POLICIES:
      raise ValueError(
        f"tokenizer.collisions is {policy!r}, which chooses the last code; "
        f"that of ua_sid is a hash. Use one of {', '.join(POLICIES)}."
      )
    given = {name: section.get(name) for name in ("levels", "fields")}
    chosen = {name: tuple(v) for name, v in given.items() if v is not None}
    return UaSidConfig(iterations=section["iterations"], **chosen)


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
  ads: AdVectors | None = None,
) -> tokenizer.FitResult:
  """Clusters the vectors `[N, D]`, and hashes the fields of the N items.

  Every level of the vectors has clusters of one size, but for one item. A few
  items were moved for that: `encode` would not give them the code they have.
  `history` has the error that each level leaves.

  Args:
    vectors: `[N, D]`; of `ads`, where there are any.
    fields: The `config.fields` of each item.
    config: See `UaSidConfig`.
    key: The key of the seeds of clusters.
    ads: What made the vectors, for `UaSid.encode`.

  Raises:
    ValueError: Fewer vectors than codes of a level, vectors that are not
      finite, or fields that are refused (`UaSid.encode`).
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
    UaSid(
      codebooks,
      tuple(level.prices for level in found),
      num_hashes,
      config.fields,
      ads,
    ),
    np.column_stack([*(level.codes for level in found), hashes]),
    latents=np.asarray(vectors),
    codebooks=codebooks,
    restored=None if ads else np.asarray(vectors - residual),
    history=[
      {"step": step, "loss": float(level.error)}
      for step, level in enumerate(found, 1)
    ],
  )


def _hashes(fields, count: int, num_hashes: int) -> np.ndarray:
  if len(fields) != count:
    raise ValueError(
      f"{count} vectors have the fields of {len(fields)} items; give each item "
      "its own."
    )
  return hash_codes(fields, num_codes=num_hashes)
