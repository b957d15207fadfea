"""Weights of pairs of items that follow each other in sequences."""

import numpy as np
from scipy import sparse

# The weight of a pair from the later item to the earlier one.
BACKWARD = 0.5

# Is added to the root of a popularity, so that what is bought with everything
# does not win everywhere.
SHRINKAGE = 5.0


def following_pairs(
  rows: np.ndarray,
  owners: np.ndarray,
  *,
  size: int,
  window: int,
  backward: float = BACKWARD,
) -> sparse.csr_array:
  """Sums `weight [size, size]` over places `p < q <= p + window` of a sequence:

    weight[row_p, row_q] += 1 / (q - p)
    weight[row_q, row_p] += backward / (q - p)

  Args:
    rows: The items `[P]` of all sequences, oldest first, one sequence after
      the other.
    owners: The sequence `[P]` that each entry belongs to, ascending.
    size: The number of items.
    window: The largest distance between the two items of a pair.
    backward: The weight of a pair from the later item to the earlier one,
      beside 1 from the earlier to the later.
  """
  weights = sparse.csr_array((size, size), dtype=np.float32)
  for gap in range(1, window + 1):
    same = owners[:-gap] == owners[gap:]
    old, new = rows[:-gap][same], rows[gap:][same]
    ones = np.full(len(old), 1 / gap, np.float32)
    pairs = sparse.coo_array((ones, (old, new)), weights.shape).tocsr()
    weights = weights + pairs + backward * pairs.T.tocsr()
  return weights
