"""What is known of items without any log."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from gr_jax.candidates.nearest_rows import nearest_rows
from gr_jax.candidates.neighbour_weights import neighbour_weights
from gr_jax.candidates.pairs import Sparse

_NEIGHBOURS, _TEMPERATURE = 10, 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class ItemFacts:
  """`N` items; one that is added to a running service stands behind the others.

  Attributes:
    texts: `[N]` object str.
    categories: `[N, K]`, -1 unknown; K may be 0.
    prices: `[N]`, NaN where unknown.
    vectors: `[N, D]`.
  """

  texts: np.ndarray
  categories: np.ndarray
  prices: np.ndarray
  vectors: np.ndarray

  @functools.cached_property
  def _kept(self) -> dict[Any, Any]:
    return {}

  def __len__(self) -> int:
    return len(self.prices)

  def neighbours_of_new(self, old: int) -> Sparse:
    """`[N - old, old]` sparse: the likeness of later items to the first `old`.

    The 10 items i of the largest cosines have the weights
    `exp((cos_i - max_j cos_j) / 0.05)`, over their sum; a vector of zeros is
    like nothing. [OURS]
    """
    if old not in self._kept:
      self._kept[old] = _neighbours(self.vectors, old)
    return self._kept[old]

  def once(self, links: Sparse, make: Callable[[], Sparse]) -> Sparse:
    """What is made of links, once for all that lie in the same memory."""
    key = links.data.ctypes.data, links.shape
    if key not in self._kept:
      # The links are kept too, so that their memory stays theirs.
      self._kept[key] = links, make()
    return self._kept[key][1]


def _neighbours(vectors: np.ndarray, old: int) -> sparse.csr_array:
  best, cosines = nearest_rows(
    vectors[old:], vectors, np.arange(old), most=_NEIGHBOURS
  )
  weights = neighbour_weights(cosines.astype(np.float64), _TEMPERATURE)
  rows = np.repeat(np.arange(len(best)), best.shape[1])
  return sparse.csr_array(
    (weights.ravel().astype(np.float32), (rows, best.ravel())),
    (len(best), old),
  )
