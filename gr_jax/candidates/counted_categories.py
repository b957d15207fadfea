"""The categories of histories, counted."""

from typing import NamedTuple

import numpy as np

from gr_jax.candidates.ordering import starts_of
from gr_jax.candidates.request_batch import Counted


class CountedCategories(NamedTuple):
  """The distinct categories of the histories of `B` rows.

  Attributes:
    rows: `[n]`, ascending.
    categories: `[n]`, ascending within a row.
    times: `[n]` float32, the number of the events of each.
  """

  rows: np.ndarray
  categories: np.ndarray
  times: np.ndarray


def counted_categories(
  history: Counted, category: np.ndarray, *, groups: int
) -> CountedCategories:
  """Counts the categories of histories.

  Args:
    history: their items.
    category: `[N]`, of each item.
    groups: the number of categories.
  """
  keys = history.rows * np.int64(groups) + category[history.items]
  order = keys.argsort(kind="stable")
  keys, times = keys[order], history.times[order]
  starts = starts_of(keys)
  if len(starts) < len(keys):
    times = np.add.reduceat(times, starts)
  rows, found = np.divmod(keys[starts], groups)
  return CountedCategories(rows, found, times.astype(np.float32))


def slices_of(rows: np.ndarray, num_rows: int) -> list[slice]:
  """Where each of `num_rows` stands in the ascending `rows` `[n]`."""
  bounds = rows.searchsorted(np.arange(num_rows + 1)).tolist()
  return [*map(slice, bounds[:-1], bounds[1:])]
