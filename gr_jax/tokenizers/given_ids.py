"""Semantic IDs that come from a table: nothing is fitted, nothing encoded."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gr_jax.tokenizers import tokenizer

_POLICIES = ("clusters", "suffix", "split")


@dataclasses.dataclass(frozen=True)
class GivenIds:
  """The IDs of a table (`id_table`); see `Tokenizer`.

  Attributes:
    level_sizes: Codes per level.
  """

  level_sizes: tuple[int, ...]

  def encode(
    self, vectors: np.ndarray, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """Raises `Uncodable`: a table has codes of its own items only."""
    del vectors, categories
    raise tokenizer.Uncodable(
      "the IDs of this run come from a table, so new items have none; add them "
      "to the table (tokenizer.path) and run again."
    )

  def save(self, directory: pathlib.Path) -> None:
    sizes = np.asarray(self.level_sizes)
    tokenizer.save_arrays(directory, {"level_sizes": sizes})

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "GivenIds":
    del section
    stored = tokenizer.load_arrays(directory)
    return cls(tuple(stored["level_sizes"].tolist()))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> "GivenIdsConfig":
    if section["collisions"] not in _POLICIES:
      raise ValueError(
        f"tokenizer.collisions is {section['collisions']!r}; IDs of a table "
        f"have no codebooks: use one of {', '.join(_POLICIES)}."
      )
    return GivenIdsConfig(section["path"])


@dataclasses.dataclass(frozen=True)
class GivenIdsConfig:
  """Where the IDs are.

  Attributes:
    path: The table, see `id_table.load_id_table`.
    levels: Empty: the table decides them.
  """

  path: str
  levels: tuple[int, ...] = ()
