"""Links that are counted in sequences (see `links`)."""

from typing import NamedTuple, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Sparse, expand, look_up, places_within
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.scores import Scores, summed
from gr_jax.candidates.sources.links import (
  LAST,
  Links,
  newest_items,
  with_columns,
  with_rows,
)
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

  def grown(self, items: ItemFacts) -> Self:
    found = super().grown(items)
    # Pairs have the new items; what is lent or borrowed passes by them.
    size = len(items), len(items)
    if self._before is not None:
      found._before = with_rows(self._before, items)
      found._before.resize(size)
    if self._after is not None:
      found._after = with_columns(self._after, items)
      found._after.resize(size)
    return found

  def _scores(self, batch: RequestBatch) -> Scores:
    if self._before is not None:
      found = self._counted(batch)
    else:
      # Links whose pairs lie in the same memory share them.
      key = f"pairs {self._pairs.data.ctypes.data} of {self._last}"
      if key not in batch.kept:
        batch.kept[key] = self._counted(batch)
      found = batch.kept[key]
    return found if self._after is None else found.times(self._after)

  def _counted(self, batch: RequestBatch) -> Scores:
    """Before similar items lend theirs."""
    newest = newest_items(batch, self.num_items, self._last)
    if self._before is not None:
      newest = newest.times(self._before)
    keys, values = newest.linked(self._pairs)
    has_future = len(batch.future[0]) > 0
    if has_future:
      lost_keys, lost = self._lost_pairs(batch, newest)
      keys, values = np.append(keys, lost_keys), np.append(values, -lost)
    scores = summed(keys, values, num_items=self.num_items)
    values, popularity = scores.values, self._popularity[scores.items]
    if has_future:
      at, there = look_up(scores.keys, lost_keys)
      at = at[there]
      # The least pair is one of the largest distance: less is rounding.
      values[at] = np.where(values[at] < self._least, 0, values[at])
      rows, items, times = batch.future_items(self.num_items)
      at, there = look_up(scores.keys, scores.key(rows, items))
      at = at[there]
      popularity[at] = np.maximum(popularity[at] - times[there], 0)
    return scores.with_values(values * (1 / (np.sqrt(popularity) + SHRINKAGE)))

  def _lost_pairs(
    self, batch: RequestBatch, newest: Scores
  ) -> tuple[np.ndarray, np.ndarray]:
    """Terms of the scores that are pairs of the users' own future events.

    Returns:
      Keys and values `[m]`; one end of a pair may be of the history.
    """
    counted = batch.log.counted[batch.users]
    first = batch.log.requests.user_offsets[batch.users]
    first = np.maximum(first, batch.ends - self._window)
    rows, events = expand(
      np.where(counted > batch.ends, first, counted), counted
    )
    items = batch.event_item[events]
    weights = newest.at(rows, items)
    keys = newest.key(rows, items)
    found = [(keys[:0], weights[:0])]
    for gap in range(1, self._window + 1):
      both = (rows[gap:] == rows[:-gap]) & (
        events[gap:] >= batch.ends[rows[gap:]]
      )
      old, new = slice(None, -gap), slice(gap, None)
      for one, other, share in ((old, new, 1.0), (new, old, BACKWARD)):
        some = np.flatnonzero(both & (weights[one] > 0))
        found.append((keys[other][some], weights[one][some] * (share / gap)))
    keys, lost = (np.concatenate(arrays) for arrays in zip(*found))
    return keys, lost


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

  def _scores(self, batch: RequestBatch) -> Scores:
    newest = newest_items(batch, self.num_items, self._last)
    newest = newest.with_values(newest.values * self._root[newest.items])
    scores = newest.times(self._both)
    total = np.bincount(newest.rows, newest.values, len(batch.requests))
    values, users = scores.values, self._users[scores.items]
    rows, items, _ = batch.future_items(self.num_items)
    future = scores.key(rows, items)
    # Who has an item already is a user of it without the future.
    had = scores.key(*batch.bought(self.num_items))
    future = future[~look_up(had, future)[1]]
    at, there = look_up(scores.keys, future)
    at = at[there]
    left = values[at] - total[scores.rows[at]]
    values[at] = np.where(left < 1e-5, 0, left)
    users[at] = np.maximum(users[at] - 1, 0)
    return scores.with_values(values * (1 / np.sqrt(users + SHRINKAGE)))


def strongest(links: Sparse, *, keep: int, scale: np.ndarray) -> Sparse:
  """The `keep` links of each row with the largest `link * scale[column]`."""
  links = links.tocsr()
  sizes = np.diff(links.indptr)
  if sizes.max(initial=0) <= keep:
    return links.astype(np.float32)
  rows = np.repeat(np.arange(links.shape[0]), sizes)
  kept = places_within(rows, links.data * scale[links.indices]) < keep
  place = rows[kept].astype(np.int32), links.indices[kept].astype(np.int32)
  values = links.data[kept].astype(np.float32)
  return sparse.csr_array((values, place), links.shape)
