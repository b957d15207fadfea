"""Baseline: the items that the user buys again and again."""

import math

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines.fill_up import fill_up


def rank(
  histories: RowLists,
  ages: np.ndarray,
  order: np.ndarray,
  *,
  tau: float = math.inf,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows by the purchases of the user's own past,

    score_j = Σ_p exp(-age_p / tau)  over the purchases p of item j

  Of equal scores the item bought last comes first. Items that were never bought
  follow by popularity, so a request without a history gets the popular items.
  Nothing is learned, so there is nothing to fit.

  Args:
    histories: the purchases of each request's user, newest last.
    ages: `[P]` the time from each purchase to its request.
    order: `[N]` from `popularity_order`.
    tau: the age, in the unit of `ages`, at which a purchase counts for 1/e of a
      new one; infinity counts every purchase alike.
    k: length of the rankings.
    exclude: rows that a request must not be shown.
  """
  weights = np.exp(-_since_newest(histories, ages) / tau)
  items, scores = _distinct(histories, weights)
  by_score = np.lexsort((-scores, items.owners))
  ranked = RowLists(items.offsets, items.rows[by_score])
  return fill_up(ranked, order, k=k, exclude=exclude)


def _distinct(
  histories: RowLists, weights: np.ndarray
) -> tuple[RowLists, np.ndarray]:
  """The distinct items of each history, the one bought last first.

  Args:
    histories: the purchases, newest last.
    weights: `[P]` the weights of the purchases.

  Returns:
    The items, and for each the sum of the weights of its purchases.
  """
  places = _newest_first(histories)
  owners, rows = histories.owners, histories.rows[places]
  span = int(rows.max(initial=0)) + 1
  _, first, item = np.unique(
    owners * span + rows, return_index=True, return_inverse=True
  )
  sums = np.bincount(item, weights[places], minlength=len(first))
  by_place = np.argsort(first)
  sizes = np.bincount(owners[first], minlength=len(histories))
  offsets = row_lists.offsets_of(sizes)
  return RowLists(offsets, rows[first[by_place]]), sums[by_place]


def _newest_first(histories: RowLists) -> np.ndarray:
  """Returns the places `[P]` of the purchases, each history turned round."""
  ends = histories.offsets[1:] + histories.offsets[:-1]
  return ends[histories.owners] - 1 - np.arange(len(histories.rows))


def _since_newest(histories: RowLists, ages: np.ndarray) -> np.ndarray:
  """Returns ages `[P]` that start at 0 with the newest purchase.

  The scores of a history lose a common factor, and the newest one can never
  underflow.
  """
  newest = histories.offsets[1:][histories.owners] - 1
  return ages - ages[newest]
