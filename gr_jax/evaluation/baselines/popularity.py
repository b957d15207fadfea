"""Baseline: the same most bought items for everybody."""

import numpy as np

from gr_jax.data.row_lists import RowLists


def rank(
  order: np.ndarray,
  num_requests: int,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows in a `popularity_order`, -1 where it ends."""
  ranked = np.full((num_requests, k), -1, np.int32)
  if exclude is None:
    ranked[:, : len(order)] = order[:k]
    return ranked
  column_of = np.argsort(order)
  for r in range(num_requests):
    hidden = column_of[exclude[r]]
    # So many columns hold k visible ones, however many of them are hidden.
    visible = np.ones(min(k + len(hidden), len(order)), bool)
    visible[hidden[hidden < len(visible)]] = False
    columns = np.flatnonzero(visible)[:k]
    ranked[r, : len(columns)] = order[columns]
  return ranked
