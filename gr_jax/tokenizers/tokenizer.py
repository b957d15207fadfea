"""A fitted tokenizer: a value that encodes, saves and loads itself."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization

_ARRAYS = "state.msgpack"


class Uncodable(ValueError):
  """New items cannot have codes: a tokenizer only knows those it was given."""


class Tokenizer(Protocol):
  """Gives codes to items by their vectors."""

  @property
  def level_sizes(self) -> tuple[int, ...]:
    """The codes per level, `C_l`."""
    ...

  def encode(
    self, vectors: np.ndarray, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """Returns codes `[n, L]` int32 of items that were not there at the fit.

    Args:
      vectors: Item vectors `[n, D]`.
      categories: Categories `[n]`, -1 unknown, at the depth that the tokenizer
        was fitted with; only a tokenizer with category codes reads them.

    Returns:
      Codes, -1 from the level on that does not depend on the vector.

    Raises:
      Uncodable: This tokenizer codes no new items.
    """
    ...

  def save(self, directory: pathlib.Path) -> None:
    """Writes the arrays that `load` needs into a folder that exists."""
    ...

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "Tokenizer":
    """Reads what `save` wrote; it encodes as before, bit for bit.

    Args:
      directory: The folder given to `save`.
      section: The config section that the tokenizer was fitted with.
    """
    ...

  @staticmethod
  def settings(section: Mapping[str, Any]) -> Any:
    """The tokenizer's own config, with `levels`, of a config section.

    Raises:
      ValueError: A value that the tokenizer cannot have.
    """
    ...


@runtime_checkable
class ReadsFields(Protocol):
  """A tokenizer that reads facts which the content does not show."""

  @property
  def field_names(self) -> tuple[str, ...]:
    """The names of the fields (`Catalogue.fields_of`), in their order."""
    ...

  def encode(
    self,
    vectors: np.ndarray,
    categories: np.ndarray | None = None,
    fields: np.ndarray | None = None,
  ) -> np.ndarray:
    """As `Tokenizer.encode`, and whole codes where fields are given.

    Args:
      vectors: Item vectors `[n, D]`.
      categories: Categories `[n]`, -1 unknown.
      fields: `[n, F]` object, None where a field is not known.
    """
    ...


@dataclasses.dataclass(frozen=True)
class FitResult:
  """A tokenizer and the codes of the catalogue that it was fitted on.

  Attributes:
    tokenizer: The fitted tokenizer.
    codes: Codes `[N, L]` of the catalogue. `tokenizer.encode` may give an item
      others: balanced clusters and places in a leaf are a matter of all items.
    latents: The vectors `[N, W]` that the codebooks quantize.
    codebooks: Per level `[C_l, W]`, none where nothing is quantized.
    restored: Item vectors `[N, D]` as the codes restore them; None where they
      restore others than the given ones.
    history: Rows of training metrics, each with its `step`.
  """

  tokenizer: Tokenizer
  codes: np.ndarray
  latents: np.ndarray
  codebooks: Sequence[jax.Array]
  restored: np.ndarray | None
  history: list[dict[str, float]]


def save_arrays(directory: pathlib.Path, tree: Any) -> None:
  """Writes a tree of arrays, bit for bit."""
  (directory / _ARRAYS).write_bytes(serialization.to_bytes(tree))


def load_arrays(directory: pathlib.Path) -> Any:
  """Reads what `save_arrays` wrote."""
  stored = serialization.msgpack_restore((directory / _ARRAYS).read_bytes())
  return jax.tree.map(jnp.asarray, _with_tuples(stored))


def _with_tuples(stored: Any) -> Any:
  """A stored tree; a tuple in it is a dictionary of its places."""
  if not isinstance(stored, dict):
    return stored
  tree = {name: _with_tuples(value) for name, value in stored.items()}
  places = [str(place) for place in range(len(tree))]
  return tuple(map(tree.get, places)) if set(tree) == set(places) else tree
