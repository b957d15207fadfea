"""Counts of which semantic IDs follow which (see `transitions`)."""

import jax.numpy as jnp
import numpy as np
from scipy import sparse

from gr_jax.data.sequence_pairs import BACKWARD, SHRINKAGE, following_pairs
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.tokenizers.semantic_ids import SemanticIds

_ROUNDING = 1e-5


def count_transitions(
  semantic_ids: SemanticIds,
  items: np.ndarray,
  owners: np.ndarray,
  *,
  window: int,
  neighbours: int,
  last: int,
) -> Transitions:
  """Counts sequences of items, as `following_pairs` does, by ID.

  The weight of ID `i` for ID `j` is that of their pairs, over
  `sqrt(popularity of j) + 5`.

  Args:
    semantic_ids: the IDs of the catalogue.
    items: `[P]` of all sequences, oldest first, one sequence after the other.
    owners: `[P]`, the sequence of each.
    window: the number of positions that pairs are apart, at most.
    neighbours: `K`, the number of neighbours of every ID that are read.
    last: the number of newest items of a history whose neighbours are read.

  Raises:
    ValueError: a size is not positive.
  """
  if min(window, neighbours, last) < 1:
    raise ValueError(
      f"window {window}, neighbours {neighbours} and last {last} of the "
      "transitions must be at least 1."
    )
  rows, size = semantic_ids.id_of_item[items], semantic_ids.num_ids
  popularity = np.bincount(rows, minlength=size)
  pairs = following_pairs(
    rows, owners, size=size, window=window, backward=BACKWARD
  )
  # No user has more events of an ID, and takes more with it.
  most = _most_of_one_user(rows, owners, size)
  kept, weights = _strongest(
    pairs, popularity, most=most, k=neighbours, window=window
  )
  return Transitions(
    ids=jnp.asarray(semantic_ids.ids, jnp.int32),
    neighbours=jnp.asarray(kept, jnp.int32),
    weights=jnp.asarray(weights, jnp.float32),
    popularity=jnp.asarray(popularity, jnp.float32),
    kept=neighbours,
    window=window,
    last=last,
  )


def _most_of_one_user(
  rows: np.ndarray, owners: np.ndarray, size: int
) -> np.ndarray:
  """`[I]`, the most events of each ID in one sequence."""
  key, count = np.unique(owners * np.int64(size) + rows, return_counts=True)
  most = np.zeros(size, np.int64)
  np.maximum.at(most, key % size, count)
  return most


def _strongest(
  pairs: sparse.csr_array,
  popularity: np.ndarray,
  *,
  most: np.ndarray,
  k: int,
  window: int,
) -> tuple[np.ndarray, np.ndarray]:
  """The neighbours of each row that may be among its `k` largest, and weights.

  Leaving out a user's events takes weight from at most `2 window most` of the
  neighbours of a row, `2 window` of each event of the row's ID, so of the
  `k + 2 window most` largest, k stay as they are or grow. Others come among the
  k largest only where their weight, over the least popularity that leaving out
  can lead to, is no less than the last of those.
  """
  entries = sparse.coo_array(pairs)
  row, col, pair = entries.row, entries.col, entries.data.astype(np.float64)
  weight = pair / (np.sqrt(popularity[col]) + SHRINKAGE)
  order = np.lexsort((col, -weight, row))
  row, col = row[order], col[order]
  pair, weight = pair[order], weight[order]
  counts = np.bincount(row, minlength=len(popularity))
  begin = np.cumsum(counts) - counts
  place = np.arange(len(row)) - begin[row]
  safe = k + 2 * window * most
  last = np.full(len(popularity), np.inf)
  full = counts >= safe
  last[full] = weight[(begin + safe - 1)[full]]
  highest = pair / (np.sqrt((popularity - most)[col]) + SHRINKAGE)
  chosen = (place < safe[row]) | (highest >= last[row] * (1 - _ROUNDING))
  row, col, weight = row[chosen], col[chosen], weight[chosen]
  counts = np.bincount(row, minlength=len(popularity))
  place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
  shape = len(popularity), max(k, int(counts.max(initial=0)))
  columns, values = np.zeros(shape, np.int64), np.zeros(shape)
  columns[row, place], values[row, place] = col, weight
  return columns, values
