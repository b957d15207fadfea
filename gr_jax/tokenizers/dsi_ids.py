"""The three kinds of identifiers of DSI (Tay 2022, section 3.2).

  atomic    one code of `N`: a softmax over all documents
  naive     the decimal digits of a number that says nothing
  semantic  the path through a tree of clusters, then the place in the leaf

They are baselines: every item gets an ID of its own, and none of them can take
a new item without being made anew (atomic, naive) or growing a leaf.
"""

import jax
import numpy as np

from gr_jax.tokenizers.cluster_tree import cluster_paths
from gr_jax.tokenizers.semantic_ids import SemanticIds


def atomic_ids(count: int) -> SemanticIds:
  """Item `i` of `N` is code `i` of the only level."""
  return SemanticIds(np.arange(count)[:, None], (count,))


def naive_ids(numbers: np.ndarray, *, base: int = 10) -> SemanticIds:
  """The digits of each item's number, the leading one first.

  All are written with as many digits as the largest needs (our design; DSI
  writes them as they are and lets them end early).

  Args:
    numbers: `[N]` distinct, from 0 on: a permutation where the order of the
      catalogue says something.
    base: codes per level.

  Raises:
    ValueError: a number is negative or given twice, or the base is below 2.
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
) -> SemanticIds:
  """IDs by hierarchical k-means on `[N, D]`, DSI's algorithm 1.

    code_1 .. code_d = path of clusters to a leaf of at most `leaf` items
    code_{d+1} = place in the leaf, in order of the catalogue

  DSI has 10 branches and leaves of 100 at most, NCI 30 and 30. Paths end at
  different depths, so IDs end early; none is the beginning of another. DSI
  writes the place as decimal digits; here it is one code, so that a level is
  as large as the largest leaf that is met there (our design).

  Raises:
    ValueError: see `cluster_paths`.
  """
  leaves = cluster_paths(vectors, branches=branches, leaf=leaf, key=key)
  levels = 1 + max(len(path) for path, _ in leaves)
  codes = np.full((len(vectors), levels), -1, np.int32)
  sizes = [1] * levels
  for path, rows in leaves:
    codes[rows, : len(path)] = path
    codes[rows, len(path)] = np.arange(len(rows))
    sizes[len(path)] = leaf
    for level in range(len(path)):
      sizes[level] = max(sizes[level], branches)
  return SemanticIds(codes, tuple(sizes))
