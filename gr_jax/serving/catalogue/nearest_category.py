"""The category of a new item that brings none, by a vote of its neighbours.

The `k` items of the run with the largest cosine to it vote [OURS]:

    share(c) = sum of w_i over neighbours i in c / sum of all w_i
    w_i = exp((cos_i - max_j cos_j) / temperature)

so that an item with the same words decides alone, and near ones together.
Vectors are those of texts, or the user's own where the run's are.
"""

from typing import NamedTuple

import numpy as np

from gr_jax.candidates.nearest_rows import nearest_rows
from gr_jax.serving.catalogue.items import Items

NEIGHBOURS, TEMPERATURE = 10, 0.05


class Vote(NamedTuple):
  """A category and the share of the votes that it got.

  Attributes:
    category: the full path.
    share: in (0, 1].
  """

  category: str
  share: float


def vote(
  wanted: np.ndarray, vectors: np.ndarray, items: Items
) -> list[Vote | None]:
  """The categories of `n` new items; None where there is nothing to go by.

  Args:
    wanted: their vectors `[n, D]`; zeros are like nothing.
    vectors: the vectors `[N, D]` of the first rows of `items`, of any length.
    items: rows that are shown and have a category vote.
  """
  N = len(vectors)
  if not items.categories.shape[1] or not len(wanted):
    return [None] * len(wanted)
  voters = np.flatnonzero(items.present[:N] & (items.categories[:N, 0] >= 0))
  rows, cosines = nearest_rows(wanted, vectors, voters, most=NEIGHBOURS)
  return [
    _winner(near, cosine, items) if (cosine > 0).any() else None
    for near, cosine in zip(rows, cosines)
  ]


def _winner(rows: np.ndarray, cosines: np.ndarray, items: Items) -> Vote:
  weights = np.exp((cosines - cosines.max()) / TEMPERATURE)
  paths, of_row = np.unique(items.categories[rows], axis=0, return_inverse=True)
  votes = np.bincount(of_row.ravel(), weights, len(paths))
  best = int(votes.argmax())
  category = items.path_of(paths[best])
  assert category is not None  # Only rows with one vote.
  return Vote(category, float(votes[best] / votes.sum()))
