"""Facts of ads, and the vectors that the contrast makes of them.

The facts of an ad are its category and some fields, such as the advertiser,
each as a number: the place of the value among those of the fit, -1 for a value
that came later or is not known. `AdEncoder` reads them beside the vector.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.atomic import write_text
from gr_jax.tokenizers.ad_encoder import AdEncoder, AdNetwork

_VALUES = "facts.json"


@dataclasses.dataclass(frozen=True)
class Facts:
  """The values that facts had at the fit.

  Attributes:
    num_categories: The number of categories.
    values: Of each field, its values.
  """

  num_categories: int
  values: tuple[tuple[str, ...], ...] = ()

  @property
  def sizes(self) -> tuple[int, ...]:
    """The values per fact, the category first, for `AdNetwork`."""
    return max(1, self.num_categories), *(max(1, len(v)) for v in self.values)

  def rows(
    self, categories: np.ndarray | None, fields: np.ndarray
  ) -> np.ndarray:
    """The facts `[n, 1 + F]` int32 of ads.

    Args:
      categories: `[n]`, -1 unknown; None where all are.
      fields: `[n, F]`, texts or None.
    """
    found = np.full((len(fields), 1 + len(self.values)), -1, np.int32)
    if categories is not None:
      known = np.asarray(categories) < self.num_categories
      found[:, 0] = np.where(known, categories, -1)
    for f, values in enumerate(self.values):
      row = {value: place for place, value in enumerate(values)}
      found[:, 1 + f] = [row.get(value, -1) for value in fields[:, f]]
    return found


def facts_of(fields: np.ndarray, *, num_categories: int) -> Facts:
  """The facts that ads with fields `[N, F]` have; None is no value."""
  values = tuple(tuple(sorted({*column} - {None})) for column in fields.T)
  return Facts(num_categories, values)


@dataclasses.dataclass(frozen=True, eq=False)
class AdVectors:
  """The encoder of ads with the facts that it knows.

  Attributes:
    encoder: The trained encoder.
    facts: Its facts.
    field_names: The names of the fields among them, in order.
  """

  encoder: AdEncoder
  facts: Facts
  field_names: tuple[str, ...] = ()

  def encode(
    self,
    vectors: np.ndarray,
    categories: np.ndarray | None,
    fields: np.ndarray,
  ) -> np.ndarray:
    """Unit rows `[n, W]` of vectors `[n, D]`, categories `[n]` and fields.

    Args:
      vectors: The vectors that the contrast was trained on, of these ads.
      categories: -1 unknown; None where all are.
      fields: `[n, F]`, of `field_names`.
    """
    return self.encoder.encode(vectors, self.facts.rows(categories, fields))

  def save(self, directory: pathlib.Path) -> None:
    """Writes the encoder and its facts into a folder that exists."""
    self.encoder.save(directory)
    network = self.encoder.network
    content = {
      "facts": dataclasses.asdict(self.facts),
      "field_names": self.field_names,
      "width": network.width,
      "feed_forward": network.feed_forward,
    }
    write_text(directory / _VALUES, json.dumps(content, ensure_ascii=False))

  @classmethod
  def load(cls, directory: pathlib.Path) -> "AdVectors":
    """Reads what `save` wrote; it encodes as before, bit for bit."""
    text = (directory / _VALUES).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    stored = content["facts"]
    values: Sequence[Sequence[str]] = stored["values"]
    facts = Facts(stored["num_categories"], tuple(map(tuple, values)))
    network = AdNetwork(
      facts.sizes,
      width=content["width"],
      feed_forward=content["feed_forward"],
    )
    encoder = AdEncoder.load(directory, network)
    return cls(encoder, facts, tuple(content["field_names"]))
