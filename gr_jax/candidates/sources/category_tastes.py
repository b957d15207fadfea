"""The share of an item's categories in a history, newer items counting more.

For the k-th newest item h of a history, of weight m_h = 1 / (1 + k), and an
item i of category c at some depth,

  share = sum over h of category c of m_h / sum_h m_h

Features are `log(share + .01)` and whether c is the newest item's, of the
coarsest depths and of the finest category. [OURS]
"""

import numpy as np

from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.categories import columns_of

_DEPTHS = 2  # Of the coarsest categories; beside them the finest is read.
_NAMES = (*range(_DEPTHS), "finest")

NAMES = (
  *(f"category_share_{name}" for name in _NAMES),
  *(f"newest_category_{name}" for name in _NAMES),
)


class CategoryTastes:
  """Tastes in categories.

  Args:
    categories: `[N, K]`, -1 unknown, coarse to fine; K may be 0.
    finest: `[N]`, categories from 0 on.
  """

  def __init__(self, categories: np.ndarray, finest: np.ndarray):
    self._columns = columns_of(categories, finest, depths=_DEPTHS)
    self._sizes = [int(one.max(initial=0)) + 1 for one in self._columns]

  def of(self, batch: RequestBatch, pairs: Pairs) -> list[np.ndarray]:
    """The features `NAMES`, `[n]` each."""
    row, event = batch.history
    bought, weights = batch.event_item[event], 1 / (batch.ends[row] - event)
    weights = weights.astype(np.float32)
    there = batch.ends > batch.starts
    newest = batch.event_item[batch.ends[there] - 1]
    of_pair, B = batch.row(pairs.owners), len(batch.requests)
    mine = np.full(B, -1)
    shares, same = [], []
    for category, size in zip(self._columns, self._sizes):
      share = np.bincount(
        row * size + category[bought], weights, minlength=B * size
      ).reshape(B, size)
      share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
      label, mine[there] = category[pairs.items], category[newest]
      shares.append(np.log(share[of_pair, label] + 0.01))
      same.append(mine[of_pair] == label)
    return shares + same
