"""What is known of items without any log."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ItemFacts:
  """`N` items; one that is added to a running service stands behind the others.

  Attributes:
    texts: `[N]` object str.
    categories: `[N, K]`, -1 unknown; K may be 0.
    values: `[N]`, prices, 0 unknown.
    vectors: `[N, D]`.
  """

  texts: np.ndarray
  categories: np.ndarray
  values: np.ndarray
  vectors: np.ndarray

  def __len__(self) -> int:
    return len(self.values)
