"""Which items follow which, counted over sequences."""

import numpy as np
from scipy import sparse


def following_pairs(
  rows: np.ndarray,
  owners: np.ndarray,
  *,
  size: int,
  window: int,
  backward: float = 0.5,
) -> sparse.csr_array:
  """`[size, size]` float32; for `p < q` of one sequence, `q - p <= window`,

    weight[row_p, row_q] += 1 / (q - p)
    weight[row_q, row_p] += backward / (q - p)

  Args:
    rows: `[P]` of all sequences, oldest first, one sequence after the other.
    owners: `[P]` the sequence of each.
    size: rows there are.
    window: positions that a pair is apart, at most.
    backward: what the later one says of the earlier.
  """
  weights = sparse.csr_array((size, size), dtype=np.float32)
  for gap in range(1, window + 1):
    same = owners[:-gap] == owners[gap:]
    old, new = rows[:-gap][same], rows[gap:][same]
    ones = np.full(len(old), 1 / gap, np.float32)
    pairs = sparse.coo_array((ones, (old, new)), weights.shape).tocsr()
    weights = weights + pairs + backward * pairs.T.tocsr()
  return weights
