"""Products of rows that do not depend on what other rows there are.

BLAS adds up in another order for another number of rows, so that a request
among others had other last digits than alone. A server's few rows are
multiplied in blocks of one size, filled up with zeros; the many of a training
batch together, which is faster.
"""

import numpy as np

FEW = 64
"""The most rows that are multiplied in blocks."""
_BLOCK = 8


def rows_times(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
  """`rows @ matrix`, `[n, D]` by `[D, N]`; up to `FEW` rows in blocks."""
  n = len(rows)
  if n > FEW or not n:
    return rows @ matrix
  filled = np.pad(rows, ((0, -n % _BLOCK), (0, 0)))
  blocks = filled.reshape(-1, _BLOCK, filled.shape[1])
  return np.concatenate([block @ matrix for block in blocks])[:n]
