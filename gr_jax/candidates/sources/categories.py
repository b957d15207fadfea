"""Categories of items as groups."""

import numpy as np
from scipy import sparse


def finest_category(categories: np.ndarray) -> np.ndarray:
  """`[N]`, one number for every path of categories `[N, K]`, from 0 on."""
  if not categories.shape[1]:
    return np.zeros(len(categories), np.int64)
  number = np.zeros(len(categories), np.int64)
  # One column after the other: `np.unique` of rows is slow, and holds Python's
  # lock from threads that answer.
  for column in categories.T.astype(np.int64):
    place = column - column.min(initial=0)
    _, number = np.unique(
      number * (place.max(initial=0) + 1) + place, return_inverse=True
    )
  return number


def columns_of(
  categories: np.ndarray, finest: np.ndarray, *, depths: int
) -> list[np.ndarray]:
  """The category `[N]` of each item at every depth, then the finest.

  Args:
    categories: `[N, K]`, -1 unknown, coarse to fine; K may be 0.
    finest: `[N]`, from `finest_category`.
    depths: the number of coarsest depths; one that the paths lack is 0
      everywhere, as is what is unknown.
  """
  coarse = categories[:, :depths].astype(np.int64).T + 1
  missing = [np.zeros(len(finest), np.int64)] * depths
  return [*[*coarse, *missing][:depths], finest]


def means_of(group: np.ndarray, values, *, groups: int | None = None):
  """`[G + 1, D]`, the mean of `values` `[n, D]` of each group, then of all.

  Args:
    group: `[n]`, from 0 on.
    values: dense or sparse.
    groups: `G`, where not all have a value: those without have zeros.
  """
  G = int(group.max(initial=0)) + 1 if groups is None else groups
  n = len(group)
  sizes = np.append(np.bincount(group, minlength=G), n)
  rows = np.append(group, np.full(n, G))
  places = rows.astype(np.int32), np.tile(np.arange(n, dtype=np.int32), 2)
  weights = (1 / np.maximum(sizes, 1))[rows]
  return sparse.coo_array((weights, places), (G + 1, n)).tocsr() @ values


def group_of_new(
  paths: np.ndarray, group: np.ndarray, new: np.ndarray, *, other: int
) -> np.ndarray:
  """`[m]`, the group of an item with the same path; `other` without one.

  Args:
    paths: categories `[n, K]` of items with a group.
    group: `[n]`.
    new: categories `[m, K]`.
    other: the group of a path that nobody has.
  """
  number = finest_category(np.concatenate([paths, new]))
  found = np.full(number.max(initial=0) + 1, other)
  found[number[: len(paths)]] = group
  return found[number[len(paths) :]]
