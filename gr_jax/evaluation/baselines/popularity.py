"""Baseline: the same most bought items for everybody."""

import dataclasses

import numpy as np

from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.top_items import popularity_order


@dataclasses.dataclass(frozen=True)
class Popularity:
  """`order [N]`: catalogue rows, most popular first."""

  order: np.ndarray


def fit(popularity: np.ndarray) -> Popularity:
  """From the interactions `[N]` of the training period."""
  return Popularity(popularity_order(popularity))


def rank(
  state: Popularity,
  num_requests: int,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows, -1 where the catalogue ends."""
  ranked = np.full((num_requests, k), -1, np.int32)
  if exclude is None:
    ranked[:, : len(state.order)] = state.order[:k]
    return ranked
  column_of = np.argsort(state.order)
  for r in range(num_requests):
    hidden = column_of[exclude[r]]
    # So many columns hold k visible ones, however many of them are hidden.
    visible = np.ones(min(k + len(hidden), len(state.order)), bool)
    visible[hidden[hidden < len(visible)]] = False
    columns = np.flatnonzero(visible)[:k]
    ranked[r, : len(columns)] = state.order[columns]
  return ranked
