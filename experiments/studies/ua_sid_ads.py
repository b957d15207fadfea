"""A made-up catalogue of ads, of which a share shows what another shows.

An ad is a vector of what it shows, an account and a type of conversion. A copy
has the vector of another ad, and another account or another type, one of both
at random. A part of the ads comes later. `[OURS]`
"""

import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from experiments.studies.base_world import BaseWorld


@dataclasses.dataclass(frozen=True)
class AdsConfig:
  """Sizes of the catalogue.

  Attributes:
    ads: The number of ads.
    copies: The share of them that show what another shows.
    later: The number of ads that come later, as a share of those before.
    width: The width of the vectors.
    clusters: Ads are alike in so many clusters, of spread 1.
    noise: The spread of the ads of a cluster; of 1 it is hardly one.
    accounts: The number of accounts; the first have most ads (Zipf).
    conversions: The number of types of conversion.
    seed: The seed of all of it.
  """

  ads: int = 6000
  copies: float = 0.3
  later: float = 0.2
  width: int = 32
  clusters: int = 200
  noise: float = 0.3
  accounts: int = 300
  conversions: int = 4
  seed: int = 0

  def __post_init__(self):
    if not 0 <= self.copies < 1 or min(self.accounts, self.conversions) < 2:
      raise ValueError(
        f"copies={self.copies} must be from 0 to below 1, accounts="
        f"{self.accounts} and conversions={self.conversions} 2 or more: a copy "
        "has another account or another type."
      )


class Ads(NamedTuple):
  """Ads, those that come later last.

  Attributes:
    vectors: `[N, D]` float32.
    fields: `[N, 3]` object: item_id, account, conversion.
    known: The number of ads that are there from the start.
  """

  vectors: np.ndarray
  fields: np.ndarray
  known: int


FIELDS = ("item_id", "account", "conversion")


def make_ads(config: AdsConfig) -> Ads:
  """Draws the ads of a config."""
  rng = np.random.default_rng(config.seed)
  size, copies = config.ads, round(config.copies * config.ads)
  centres = rng.normal(size=(config.clusters, config.width))
  own = rng.integers(0, config.clusters, size)
  vectors = centres[own] + config.noise * rng.normal(size=(size, config.width))
  weights = 1 / np.arange(1, config.accounts + 1)
  account = rng.choice(config.accounts, size, p=weights / weights.sum())
  conversion = rng.integers(0, config.conversions, size)
  originals = size - copies
  of = rng.integers(0, originals, copies)
  vectors[originals:] = vectors[of]
  other_account = rng.random(copies) < 0.5
  moved = rng.integers(1, config.accounts, copies)
  account[originals:] = np.where(
    other_account, (account[of] + moved) % config.accounts, account[of]
  )
  moved = rng.integers(1, config.conversions, copies)
  conversion[originals:] = np.where(
    other_account, conversion[of], (conversion[of] + moved) % config.conversions
  )
  order = rng.permutation(size)  # Copies come at any time.
  fields = np.empty((size, 3), object)
  fields[:, 0] = [f"ad {ad}" for ad in range(size)]
  fields[:, 1] = [f"account {number}" for number in account[order]]
  fields[:, 2] = [f"type {number}" for number in conversion[order]]
  known = round(size / (1 + config.later))
  return Ads(vectors[order].astype(np.float32), fields, known)


class AdsWorld(BaseWorld):
  """The ads, which all variants share. Arguments are those of `BaseWorld`."""

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    super().__init__(config, name, workdir)
    self.ads = make_ads(AdsConfig(**config.ads))

  def sizes(self) -> dict[str, int]:
    """The ads, those that come later among them."""
    return {"items": len(self.ads.vectors)}
