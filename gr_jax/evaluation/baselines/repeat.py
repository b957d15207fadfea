"""Baseline: the items that the user buys again and again."""

import numpy as np

from gr_jax.data.row_lists import RowLists


def rank(
  histories: RowLists, *, k: int = 100, exclude: RowLists | None = None
) -> np.ndarray:
  """`[R, k]` int32 rows of the user's own past, most frequent first.

  Of equally frequent items the one bought last comes first. Nothing is learned,
  so there is nothing to fit; -1 fills the end, and a request without a history
  gets no items (with seen items taken out no request gets any).
  """
  ranked = np.full((len(histories), k), -1, np.int32)
  for r in range(len(histories)):
    newest_first = histories[r][::-1]
    items, age, times = np.unique(
      newest_first, return_index=True, return_counts=True
    )
    items = items[np.lexsort((age, -times))]
    if exclude is not None:
      items = items[~np.isin(items, exclude[r])]
    ranked[r, : len(items)] = items[:k]
  return ranked
