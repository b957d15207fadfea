"""The nearest of many vectors by their cosines, some of them at once."""

import numpy as np

from gr_jax.candidates.ordering import largest_first
from gr_jax.text.encoder import unit_rows

# Numbers of one block, of vectors or cosines: 32 MB as float32.
_BLOCK = 8_000_000


def nearest_rows(
  wanted: np.ndarray, vectors: np.ndarray, rows: np.ndarray, *, most: int
) -> tuple[np.ndarray, np.ndarray]:
  """Rows `[n, k]` of the largest cosines, and these `[n, k]`, best first.

  Of equal ones the earlier comes first; `k` is `most`, or all rows if they are
  fewer.

  Args:
    wanted: vectors `[n, D]` of any length.
    vectors: `[N, D]`, which may lie on disk; each row is read once.
    rows: the rows of `vectors` that are compared.
    most: the number of rows to find.
  """
  wanted = unit_rows(wanted)
  places = np.zeros((len(wanted), 0), np.int64)
  cosines = np.zeros((len(wanted), 0), np.float32)
  step = max(1, _BLOCK // max(vectors.shape[1], len(wanted)))
  for begin in range(0, len(rows), step):
    some = rows[begin : begin + step]
    found = wanted @ unit_rows(vectors[some]).T
    best = largest_first(found, min(most, len(some)))
    places = np.concatenate((places, some[best]), axis=1)
    near = np.take_along_axis(found, best, axis=1)
    cosines = np.concatenate((cosines, near), axis=1)
    best = largest_first(cosines, min(most, cosines.shape[1]))
    places = np.take_along_axis(places, best, axis=1)
    cosines = np.take_along_axis(cosines, best, axis=1)
  return places, cosines
