"""Links that are counted in sequences (see `links`)."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from gr_jax.candidates.pairs import (
  Sparse,
  expand,
  look_up,
  places_within,
  values_at,
)
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.links import LAST, Links, newest_items
from gr_jax.data.row_lists import RowLists
from gr_jax.data.sequence_pairs import BACKWARD, SHRINKAGE, following_pairs


class PairCounts(NamedTuple):
  """Pairs of sequences at most `window` places apart.

  Attributes:
    pairs: `[N, N]`: for places p < q, `[item_p, item_q]` has the sum of
      `1 / (q - p)` and half of the reverse.
    popularity: `[N]` float32, the number of events.
    window: as given.
  """

  pairs: Sparse
  popularity: np.ndarray
  window: int


def count_pairs(
  sequences: RowLists, *, num_items: int, window: int, keep: int = 200
) -> PairCounts:
  """Counts the pairs of sequences, oldest first.

  Args:
    sequences: the events of the training period by user.
    num_items: `N`.
    window: the number of places that pairs are apart, at most.
    keep: the number of pairs of an item, at most, the strongest.
  """
  rows, owners = sequences.rows, sequences.owners
  pairs = following_pairs(rows, owners, size=num_items, window=window)
  popularity = np.bincount(rows, minlength=num_items).astype(np.float32)
  scale = 1 / (np.sqrt(popularity) + SHRINKAGE)
  return PairCounts(
    strongest(pairs, keep=keep, scale=scale), popularity, window
  )


class Windowed(Links):
  """Items that are chosen a few places apart.

  `L` are the pairs, and the score of j is over `sqrt(popularity_j) + 5`, as in
  the baseline `item_knn`. With `before` and `after`, similar items lend each
  other their pairs: `m` and the scores are multiplied with these `[N, N]`
  shares.

  Args:
    name: what features are called by.
    counts: the pairs.
    last: the number of newest items that are read.
    before: `[N, N]` or None.
    after: `[N, N]` or None.
  """

  def __init__(
    self,
    name: str,
    counts: PairCounts,
    *,
    last: int = LAST,
    before: Sparse | None = None,
    after: Sparse | None = None,
  ):
    super().__init__(name, num_items=len(counts.popularity), last=last)
    self._pairs, self._popularity, self._window = counts
    self._before, self._after = before, after
    self._least = BACKWARD / self._window / (2 * LAST)

  def _scores(self, batch: RequestBatch) -> np.ndarray:
    if self._before is not None:
      scores = self._counted(batch)
    else:
      # Links whose pairs lie in the same memory share them.
      key = f"pairs {self._pairs.data.ctypes.data} of {self._last}"
      if key not in batch.kept:
        batch.kept[key] = self._counted(batch)
      scores = batch.kept[key]
    if self._after is not None:
      linked: Sparse = sparse.csr_array(scores)
      scores = (linked @ self._after).toarray()
    return scores

  def _counted(self, batch: RequestBatch) -> np.ndarray:
    """`[B, N]`, before similar items lend theirs."""
    newest: Sparse = newest_items(batch, self.num_items, self._last)
    if self._before is not None:
      newest = newest @ self._before
    scores = (newest @ self._pairs).toarray()
    for rows, one, other, weight in self._lost_pairs(batch):
      np.subtract.at(scores, (rows, other), weight * _at(newest, rows, one))
      # The least pair is one of the largest distance: less is rounding.
      lost = scores[rows, other]
      scores[rows, other] = np.where(lost < self._least, 0, lost)
    rows, items, times = batch.future_items(self.num_items)
    left = np.maximum(self._popularity[items] - times, 0)
    lost = scores[rows, items]
    scores *= 1 / (np.sqrt(self._popularity) + SHRINKAGE)
    scores[rows, items] = lost / (np.sqrt(left) + SHRINKAGE)
    return scores

  def _lost_pairs(self, batch: RequestBatch):
    """Pairs of the users' future events: row, from, to, weight."""
    rows, events = batch.future
    first = batch.log.requests.user_offsets[batch.users][rows]
    for gap in range(1, self._window + 1):
      both = events - gap >= first
      row, new, old = rows[both], events[both], events[both] - gap
      new, old = batch.event_item[new], batch.event_item[old]
      yield row, old, new, 1 / gap
      yield row, new, old, BACKWARD / gap


class SameUsers(Links):
  """Items of the same users: `L[h, j]` = users of both / sqrt(users of h + 5),

  and the score of j is over `sqrt(users of j + 5)`.

  Args:
    name: what features are called by.
    sequences: of the training period, oldest first.
    num_items: `N`.
    longest: the number of newest items of a user that are counted, at most.
    keep: the number of links of an item, at most.
  """

  def __init__(
    self,
    name: str,
    sequences: RowLists,
    *,
    num_items: int,
    longest: int = 100,
    keep: int = 200,
  ):
    super().__init__(name, num_items=num_items)
    starts = np.maximum(sequences.offsets[:-1], sequences.offsets[1:] - longest)
    owners, places = expand(starts, sequences.offsets[1:])
    shape = len(sequences), num_items
    ones = np.ones(len(owners), np.float32)
    have: Sparse = sparse.csr_array(
      (ones, (owners, sequences.rows[places])), shape
    )
    have.sum_duplicates()
    have.data[:] = 1
    both = (have.T @ have).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    self._users = np.asarray(have.sum(axis=0)).ravel()
    self._root = 1 / np.sqrt(self._users + SHRINKAGE)
    self._both = strongest(both, keep=keep, scale=self._root)

  def _scores(self, batch: RequestBatch) -> np.ndarray:
    newest: Sparse = newest_items(batch, self.num_items, self._last)
    newest = (newest @ sparse.diags_array(self._root)).tocsr()
    scores = (newest @ self._both).toarray()
    total = np.asarray(newest.sum(axis=1)).ravel()
    rows, items, _ = batch.future_items(self.num_items)
    # Who has an item already is a user of it without the future.
    had = batch.bought(self.num_items)
    new = ~np.isin(_keys(rows, items, self), _keys(*had, self))
    rows, items = rows[new], items[new]
    left = scores[rows, items] - total[rows]
    scores[rows, items] = np.where(left < 1e-5, 0, left)
    users = np.maximum(self._users[items] - 1, 0)
    lost = scores[rows, items]
    scores *= self._root
    scores[rows, items] = lost / np.sqrt(users + SHRINKAGE)
    return scores


def _keys(rows: np.ndarray, items: np.ndarray, links: Links) -> np.ndarray:
  return rows * np.int64(links.num_items) + items


def strongest(links: Sparse, *, keep: int, scale: np.ndarray) -> Sparse:
  """The `keep` links of each row with the largest `link * scale[column]`."""
  links = links.tocsr()
  sizes = np.diff(links.indptr)
  if sizes.max(initial=0) <= keep:
    return links.astype(np.float32)
  rows = np.repeat(np.arange(links.shape[0]), sizes)
  kept = places_within(rows, -links.data * scale[links.indices]) < keep
  return sparse.csr_array(
    (links.data[kept].astype(np.float32), (rows[kept], links.indices[kept])),
    links.shape,
  )


def _at(matrix: Sparse, rows: np.ndarray, columns: np.ndarray):
  """`matrix[rows, columns]` `[n]`."""
  matrix.sort_indices()
  width = matrix.shape[1]
  owners = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
  keys = owners * np.int64(width) + matrix.indices
  place, there = look_up(keys, rows * np.int64(width) + columns)
  return values_at(matrix.data, place, there)
