"""Rankings by the product of vectors, in the form of the baselines."""

import dataclasses

import jax
import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.dense import top_k
from gr_jax.evaluation.baselines.top_items import popularity_order

_REQUESTS = 256


@dataclasses.dataclass(frozen=True)
class DenseIndex:
  """The vectors of a catalogue.

  Attributes:
    items: its vectors in popularity order, so that equal scores fall to the
      more popular item.
    order: `[N]` catalogue rows in that order.
  """

  items: top_k.Blocks
  order: np.ndarray


def index_items(
  vectors: np.ndarray | jax.Array,
  popularity: np.ndarray,
  *,
  block: int = top_k.BLOCK,
) -> DenseIndex:
  """An index of encoded items `[N, D]`."""
  order = popularity_order(popularity)
  return DenseIndex(top_k.cut(np.asarray(vectors)[order], block=block), order)


def rank(
  index: DenseIndex,
  requests: np.ndarray,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 catalogue rows by the product with requests `[R, D]`.

  Rows to exclude, which a request must not be shown, are taken out before the
  top k; -1 fills rankings that run out of items.
  """
  column_of = np.append(np.argsort(index.order), -1)
  hidden = _table(exclude, len(requests))
  found = []
  for start in range(0, len(requests), _REQUESTS):
    rows = slice(start, start + _REQUESTS)
    missing = (0, max(0, start + _REQUESTS - len(requests))), (0, 0)
    best = top_k.best_rows(
      np.pad(requests[rows].astype(np.float32), missing),
      index.items,
      np.pad(column_of[hidden[rows]], missing, constant_values=-1),
      k=k,
    )
    found.append(best.rows)
  columns = np.concatenate([np.asarray(rows) for rows in found])
  return np.append(index.order, -1)[columns[: len(requests)]].astype(np.int32)


def _table(lists: RowLists | None, count: int) -> np.ndarray:
  """`[R, E]` rows, filled up with -1, `E` a power of two."""
  if lists is None:
    return np.full((count, 1), -1, np.int32)
  lists = row_lists.distinct(lists)
  widest = max(1, int(lists.sizes.max(initial=0)))
  table = np.full((count, 1 << (widest - 1).bit_length()), -1, np.int32)
  place = np.arange(len(lists.rows)) - lists.offsets[lists.owners]
  table[lists.owners, place] = lists.rows
  return table
