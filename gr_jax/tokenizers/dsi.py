"""The three kinds of identifiers of DSI (arXiv 2202.06991, section 3.2).

  atomic    one code of `N`: a softmax over all documents
  naive     the decimal digits of a random number
  semantic  the path through a tree of clusters, then the place in the leaf

Every item gets an ID of its own. A new item goes down the tree to its leaf and
takes the next place there; without a tree it takes the next number. There is
room for new items in leaves that are not full and for naive numbers that have
no more digits; of atomic codes there are as many as items, so none is left.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gr_jax.choices import choose
from gr_jax.tokenizers import tokenizer
from gr_jax.tokenizers.cluster_tree import ClusterTree, fit_tree
from gr_jax.tokenizers.semantic_ids import SemanticIds


def atomic_ids(count: int) -> SemanticIds:
  """Item `i` of `N` is code `i` of the only level."""
  return SemanticIds(np.arange(count)[:, None], (count,))


def naive_ids(numbers: np.ndarray, *, base: int = 10) -> SemanticIds:
  """The digits of each item's number, the leading one first.

  All are written with as many digits as the largest needs ([OURS]; DSI writes
  them as they are and lets them end early).

  Args:
    numbers: Distinct numbers `[N]` from 0 on: a permutation where the order of
      the catalogue means something.
    base: Codes per level.

  Raises:
    ValueError: A number is negative or given twice, or the base is below 2.
  """
  numbers = np.asarray(numbers, np.int64)
  if base < 2 or not len(numbers) or numbers.min() < 0:
    raise ValueError(
      f"numbers must be 0 or more and the base ({base}) 2 or more; got "
      f"{len(numbers)} numbers, the least {numbers.min(initial=0)}."
    )
  if len(np.unique(numbers)) < len(numbers):
    raise ValueError(
      f"{len(numbers) - len(np.unique(numbers))} of {len(numbers)} numbers are "
      "repeated; give every item its own."
    )
  digits, left = [numbers % base], numbers // base
  while left.any():
    digits.append(left % base)
    left = left // base
  codes = np.stack(digits[::-1], axis=1)
  return SemanticIds(codes, (base,) * codes.shape[1])


def semantic_ids(
  vectors: np.ndarray | jax.Array,
  *,
  branches: int = 10,
  leaf: int = 100,
  key: jax.Array,
) -> tuple[SemanticIds, ClusterTree]:
  """IDs by hierarchical k-means on `[N, D]`, DSI's algorithm 1, and its tree.

    code_1 .. code_d = path of clusters to a leaf of at most `leaf` items
    code_{d+1} = place in the leaf, in order of the catalogue

  DSI has 10 branches and leaves of 100 at most, NCI 30 and 30. Paths end at
  different depths, so IDs end early; none is the beginning of another. DSI
  writes the place as decimal digits; here it is one code, so that a level is
  as large as the largest leaf that is met there [OURS].

  Raises:
    ValueError: See `fit_tree`.
  """
  tree, leaves = fit_tree(vectors, branches=branches, leaf=leaf, key=key)
  levels = 1 + max(len(path) for path, _ in leaves)
  codes = np.full((len(vectors), levels), -1, np.int32)
  sizes = [1] * levels
  for path, rows in leaves:
    codes[rows, : len(path)] = path
    codes[rows, len(path)] = np.arange(len(rows))
    sizes[len(path)] = leaf
    for level in range(len(path)):
      sizes[level] = max(sizes[level], branches)
  return SemanticIds(codes, tuple(sizes)), tree


@dataclasses.dataclass(frozen=True, eq=False)
class DsiIds:
  """Identifiers that were given out; see `Tokenizer`.

  Attributes:
    level_sizes: Codes per level.
    tree: The clusters behind semantic identifiers.
  """

  level_sizes: tuple[int, ...]
  tree: ClusterTree | None = None

  def encode(
    self, vectors: np.ndarray, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """Paths to leaves, -1 behind them; without a tree nothing but -1."""
    del categories
    codes = np.full((len(vectors), len(self.level_sizes)), -1, np.int32)
    if self.tree is not None:
      paths = self.tree.paths(vectors)
      codes[:, : paths.shape[1]] = paths
    return codes

  def save(self, directory: pathlib.Path) -> None:
    state: dict[str, Any] = {"level_sizes": np.asarray(self.level_sizes)}
    if self.tree is not None:
      state["tree"] = self.tree._asdict()
    tokenizer.save_arrays(directory, state)

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "DsiIds":
    del section
    stored = tokenizer.load_arrays(directory)
    tree = stored.get("tree")
    return cls(
      tuple(stored["level_sizes"].tolist()),
      tree and ClusterTree(**jax.tree.map(np.asarray, tree)),
    )

  @staticmethod
  def settings(section: Mapping[str, Any]) -> "DsiConfig":
    if section["collisions"] != "next_free":
      raise ValueError(
        f"tokenizer.collisions is {section['collisions']!r}; identifiers of "
        "DSI are every item's own: use 'next_free'."
      )
    return DsiConfig(
      choose("tokenizer.ids", section["ids"], IDS),
      section["seed"],
      section["branches"],
      section["leaf"],
    )


Identify = Callable[..., tuple[SemanticIds, ClusterTree | None]]
"""(vectors `[N, D]`, config) -> their IDs, and the tree behind them if any."""


@dataclasses.dataclass(frozen=True)
class DsiConfig:
  """The kind of identifiers; NCI has semantic ones of (30, 30).

  Attributes:
    identify: One of `IDS`.
    seed: Seed of the numbers and of the clusters.
    branches: Most parts of a cluster.
    leaf: Most items of a cluster that is not split.
    levels: Empty: the fit decides them.
  """

  identify: Identify
  seed: int = 0
  branches: int = 10
  leaf: int = 100
  levels: tuple[int, ...] = ()


def _atomic(vectors, config):
  del config
  return atomic_ids(len(vectors)), None


def _naive(vectors, config):
  rng = np.random.default_rng(config.seed)
  return naive_ids(rng.permutation(len(vectors))), None


def _semantic(vectors, config):
  return semantic_ids(
    vectors,
    branches=config.branches,
    leaf=config.leaf,
    key=jax.random.key(config.seed),
  )


IDS = {"atomic": _atomic, "naive": _naive, "semantic": _semantic}
