"""Counts of which semantic IDs follow which (see `transitions`)."""

import jax.numpy as jnp
import numpy as np
from scipy import sparse

from gr_jax.data.requests import Requests
from gr_jax.data.sequence_pairs import following_pairs
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.tokenizers.semantic_ids import SemanticIds

# What is bought with everything must not win everywhere; as in `item_knn`.
_SHRINKAGE = 5.0


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
    neighbours: `K`, the number of neighbours of every ID.
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
  scales = 1 / (np.sqrt(np.bincount(rows, minlength=size)) + _SHRINKAGE)
  pairs = following_pairs(rows, owners, size=size, window=window)
  kept, weights = _strongest(pairs @ sparse.diags_array(scales), neighbours)
  return Transitions(
    ids=jnp.asarray(semantic_ids.ids, jnp.int32),
    neighbours=jnp.asarray(kept, jnp.int32),
    weights=jnp.asarray(weights, jnp.float32),
    scales=jnp.asarray(scales, jnp.float32),
    window=window,
    last=last,
  )


def _strongest(weights, k: int) -> tuple[np.ndarray, np.ndarray]:
  """The `k` largest entries of each row, and their columns; 0 = none."""
  entries = sparse.coo_array(weights)
  order = np.lexsort((entries.col, np.negative(entries.data), entries.row))
  row, col = entries.row[order], entries.col[order]
  counts = np.bincount(row, minlength=weights.shape[0])
  place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
  columns = np.zeros((weights.shape[0], k), np.int64)
  values = np.zeros((weights.shape[0], k))
  first = place < k
  columns[row[first], place[first]] = col[first]
  values[row[first], place[first]] = entries.data[order][first]
  return columns, values


class FutureItems:
  """The next events of a user, as far as they were counted.

  Args:
    requests: the users and their events.
    codes: semantic IDs `[N, L]`.
    ends: `[U]`, the event before which counting a user stopped.
    window: `W`, the number of events that are read.
  """

  def __init__(
    self,
    requests: Requests,
    codes: np.ndarray,
    ends: np.ndarray,
    *,
    window: int,
  ):
    self._requests, self._codes = requests, codes
    self._ends, self._window = ends, window

  def __call__(self, rows: np.ndarray) -> np.ndarray:
    """`[B, W, L]` codes of requests `[B]`, -1 where nothing was counted."""
    requests = self._requests
    events = requests.history_end[rows][:, None] + np.arange(self._window)
    there = events < self._ends[requests.user[rows]][:, None]
    items = requests.event_item[np.where(there, events, 0)]
    return np.where(there[..., None], self._codes[items], -1)
