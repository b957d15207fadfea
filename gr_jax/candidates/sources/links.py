"""Items that go with those of the history.

Every source here scores item j by what links it to the items h of a history,

  score_j = sum_h m_h L[h, j],    m_h = 1 / (1 + k) of the k-th newest item,

over the newest `LAST` items, or the newest alone. The place of an item, and the
share of its score in the best one, are those among items that the user has not
yet: what it has, it knows (`own`). The links L are counts of sequences (what is
chosen within a few places of each other, or by the same users), or likenesses
of texts or vectors. Counts leave out what the user's own future adds to them
(`Asked.future`), in the pairs as in the popularity below them, so that a
training row reads the links of a log that ends, for its user, with its history.
"""

import copy
from typing import Any, Self

import numpy as np
from scipy import sparse

from gr_jax.candidates.asked import Asked
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import (
  Pairs,
  Proposed,
  expand,
  look_up,
  values_at,
)
from gr_jax.data.row_lists import RowLists
from gr_jax.data.sequence_pairs import following_pairs

# Newest items of a history whose links are read.
LAST = 10

# Keeps what is linked to everything from winning everywhere.
SHRINKAGE = 5.0

_BACKWARD = 0.5


class Links:
  """Links of one kind; a subclass says how they are read.

  Args:
    name: what features are called by.
    num_items: `N`.
    last: the number of newest items that are read.
    most: the number of items that are proposed to a request without a query.
  """

  def __init__(
    self, name: str, *, num_items: int, last: int = LAST, most: int = 48
  ):
    self._name, self.num_items, self._most = name, num_items, most
    self._last = last
    self._scale = 1.0

  @property
  def names(self) -> tuple[str, ...]:
    kinds = ("score", "share", "place")
    return tuple(f"{self._name}_{kind}" for kind in kinds)

  def measure(self, asked: Asked) -> None:
    """Takes the median score of what is linked at all as the unit."""
    scores = self.scores(asked)
    linked = scores[scores > 0]
    self._scale = float(np.median(linked)) if len(linked) else 1.0

  def scores(self, asked: Asked) -> np.ndarray:
    """`[B, N]` float32, at least 0; read-only, computed once a batch."""
    if self._name not in asked.kept:
      asked.kept[self._name] = self._scores(asked)
    return asked.kept[self._name]

  def _scores(self, asked: Asked) -> np.ndarray:
    raise NotImplementedError

  def best(self, asked: Asked) -> np.ndarray:
    """`[B, most]` items that the user has not, best first, -1 = no more."""
    key = f"{self._name} best"
    if key not in asked.kept:
      scores = self.scores(asked).copy()
      scores[asked.bought(self.num_items)] = 0
      k = min(self._most, self.num_items)
      found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
      score = np.take_along_axis(scores, found, axis=1)
      order = np.argsort(-score, axis=1, kind="stable")
      found = np.take_along_axis(found, order, axis=1)
      score = np.take_along_axis(score, order, axis=1)
      asked.kept[key] = np.where(score > 0, found, -1)
    return asked.kept[key]

  def propose(self, asked: Asked) -> Proposed | None:
    owners = np.flatnonzero(asked.queries < 0)
    if not len(owners):
      return None
    items = self.best(asked)[asked.row(owners)]
    score = np.broadcast_to(-np.arange(items.shape[1]), items.shape)
    there = items >= 0
    who = np.broadcast_to(owners[:, None], items.shape)
    return Proposed(who[there], items[there], score[there])

  def describe(self, asked: Asked, pairs: Pairs) -> np.ndarray:
    scores = self.scores(asked)
    row = asked.row(pairs.owners)
    score = scores[row, pairs.items]
    first = self.best(asked)[:, 0]
    new = scores[np.arange(len(scores)), first]
    # Where no new item is linked, the best of those that the user has.
    top = np.where(first < 0, scores.max(axis=1, initial=0), new)
    top = np.maximum(top, 1e-12)[row]
    columns = (
      np.log1p(score / self._scale),
      np.log(score / top + 0.01),
      -np.log1p(self._places(asked, row, pairs.items)),
    )
    return np.stack(columns, axis=1).astype(np.float32)

  def _places(self, asked: Asked, row, items) -> np.ndarray:
    """`[n]`, the place of each item among the best of its row, or `most`."""
    best = self.best(asked)
    rows, place = np.nonzero(best >= 0)
    keys = rows * np.int64(self.num_items) + best[rows, place]
    order = np.argsort(keys)
    at, there = look_up(keys[order], row * np.int64(self.num_items) + items)
    found = np.full(len(row), self._most)
    found[there] = place[order][at[there]]
    return found

  def state(self) -> dict[str, Any]:
    return dict(vars(self))

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    del items
    found = cls.__new__(cls)
    vars(found).update(state)
    return found

  def grown(self, items: ItemFacts) -> Self:
    """Nothing is linked to the new items."""
    found = copy.copy(self)
    for name, value in vars(self).items():
      setattr(found, name, _grown(value, self.num_items, len(items)))
    found.num_items = len(items)
    return found


def _grown(value: Any, old: int, size: int) -> Any:
  """Zeros for more items in what has one value, or one row, for each item."""
  if isinstance(value, np.ndarray) and value.shape == (old,):
    return np.pad(value, (0, size - old))
  if isinstance(value, sparse.csr_array) and value.shape == (old, old):
    rows = np.pad(value.indptr, (0, size - old), mode="edge")
    return sparse.csr_array((value.data, value.indices, rows), (size, size))
  return value


def newest_items(
  asked: Asked, num_items: int, last: int = LAST
) -> sparse.csr_array:
  """`[B, N]`, `1 / (1 + k)` of the k-th newest of the `last` newest items."""
  starts = np.maximum(asked.starts, asked.ends - last)
  rows, events = expand(starts, asked.ends)
  weights = 1.0 / (asked.ends[rows] - events)
  places = rows, asked.event_item[events]
  shape = len(asked.requests), num_items
  return sparse.csr_array((weights.astype(np.float32), places), shape)


class Windowed(Links):
  """Pairs of a sequence at most `window` places apart.

  For places p < q, `L[item_p, item_q]` gets `1 / (q - p)` and its reverse half
  of it; the score of j is over `sqrt(popularity_j) + 5`, as in the baseline
  `item_knn`. With `before` and `after`, similar items lend each other their
  pairs: `m` and the scores are multiplied with these `[N, N]` shares.

  Args:
    name: what features are called by.
    sequences: of the training period, oldest first.
    num_items: `N`.
    window: the number of places that pairs are apart, at most.
    last: the number of newest items that are read.
    before: `[N, N]` or None.
    after: `[N, N]` or None.
    keep: the number of links of an item, at most.
  """

  def __init__(
    self,
    name: str,
    sequences: RowLists,
    *,
    num_items: int,
    window: int,
    last: int = LAST,
    before: sparse.csr_array | None = None,
    after: sparse.csr_array | None = None,
    keep: int = 200,
  ):
    super().__init__(name, num_items=num_items, last=last)
    rows, owners = sequences.rows, sequences.owners
    pairs = following_pairs(
      rows, owners, size=num_items, window=window, backward=_BACKWARD
    )
    counts = np.bincount(rows, minlength=num_items)
    self._popularity = counts.astype(np.float32)
    scale = 1 / (np.sqrt(self._popularity) + SHRINKAGE)
    self._pairs = strongest(pairs, keep=keep, scale=scale)
    self._window, self._before, self._after = window, before, after
    self._least = _BACKWARD / window / (2 * LAST)

  def _scores(self, asked: Asked) -> np.ndarray:
    newest = newest_items(asked, self.num_items, self._last)
    if self._before is not None:
      newest = newest @ self._before
    scores = (newest @ self._pairs).toarray()
    for rows, one, other, weight in self._lost_pairs(asked):
      np.subtract.at(scores, (rows, other), weight * _at(newest, rows, one))
      # The least pair is one of the largest distance: less is rounding.
      lost = scores[rows, other]
      scores[rows, other] = np.where(lost < self._least, 0, lost)
    rows, items, times = _lost_items(asked, self.num_items)
    left = np.maximum(self._popularity[items] - times, 0)
    lost = scores[rows, items]
    scores *= 1 / (np.sqrt(self._popularity) + SHRINKAGE)
    scores[rows, items] = lost / (np.sqrt(left) + SHRINKAGE)
    if self._after is not None:
      scores = (sparse.csr_array(scores) @ self._after).toarray()
    return scores

  def _lost_pairs(self, asked: Asked):
    """Pairs of the users' future events: row, from, to, weight."""
    rows, events = asked.future
    first = asked.log.requests.user_offsets[asked.users][rows]
    for gap in range(1, self._window + 1):
      both = events - gap >= first
      row, new, old = rows[both], events[both], events[both] - gap
      new, old = asked.event_item[new], asked.event_item[old]
      yield row, old, new, 1 / gap
      yield row, new, old, _BACKWARD / gap


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
    have = sparse.csr_array((ones, (owners, sequences.rows[places])), shape)
    have.sum_duplicates()
    have.data[:] = 1
    both = (have.T @ have).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    self._users = np.asarray(have.sum(axis=0)).ravel()
    self._root = 1 / np.sqrt(self._users + SHRINKAGE)
    self._both = strongest(both, keep=keep, scale=self._root)

  def _scores(self, asked: Asked) -> np.ndarray:
    newest = newest_items(asked, self.num_items, self._last)
    newest = (newest @ sparse.diags_array(self._root)).tocsr()
    scores = (newest @ self._both).toarray()
    total = np.asarray(newest.sum(axis=1)).ravel()
    rows, items, _ = _lost_items(asked, self.num_items)
    # Who has an item already is a user of it without the future.
    had = asked.bought(self.num_items)
    new = ~np.isin(_keys(rows, items, self), _keys(*had, self))
    rows, items = rows[new], items[new]
    left = scores[rows, items] - total[rows]
    scores[rows, items] = np.where(left < 1e-5, 0, left)
    users = np.maximum(self._users[items] - 1, 0)
    lost = scores[rows, items]
    scores *= self._root
    scores[rows, items] = lost / np.sqrt(users + SHRINKAGE)
    return scores


def _keys(rows: np.ndarray, items: np.ndarray, links: "Links") -> np.ndarray:
  return rows * np.int64(links.num_items) + items


class Likeness(Links):
  """Links that count nothing, such as cosines of texts.

  Args:
    name: what features are called by.
    likeness: `[N, N]`.
    last: the number of newest items that are read.
  """

  def __init__(
    self, name: str, likeness: sparse.csr_array, *, last: int = LAST
  ):
    super().__init__(name, num_items=likeness.shape[0], last=last)
    self._likeness = likeness

  def _scores(self, asked: Asked) -> np.ndarray:
    newest = newest_items(asked, self.num_items, self._last)
    return (newest @ self._likeness).toarray()


def strongest(
  links: sparse.csr_array, *, keep: int, scale: np.ndarray
) -> sparse.csr_array:
  """The `keep` links of each row with the largest `link * scale[column]`."""
  links = links.tocsr()
  sizes = np.diff(links.indptr)
  if sizes.max(initial=0) <= keep:
    return links.astype(np.float32)
  rows = np.repeat(np.arange(links.shape[0]), sizes)
  order = np.lexsort((-links.data * scale[links.indices], rows))
  place = np.arange(len(rows)) - links.indptr[:-1][rows]
  kept = order[place < keep]
  return sparse.csr_array(
    (links.data[kept].astype(np.float32), (rows[kept], links.indices[kept])),
    links.shape,
  )


def _at(matrix: sparse.csr_array, rows: np.ndarray, columns: np.ndarray):
  """`matrix[rows, columns]` `[n]`."""
  matrix.sort_indices()
  width = matrix.shape[1]
  owners = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
  keys = owners * np.int64(width) + matrix.indices
  place, there = look_up(keys, rows * np.int64(width) + columns)
  return values_at(matrix.data, place, there)


def _lost_items(
  asked: Asked, num_items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The distinct items of each row's future, and how often they are there."""
  rows, events = asked.future
  keys, times = np.unique(
    rows * np.int64(num_items) + asked.event_item[events], return_counts=True
  )
  return keys // num_items, keys % num_items, times


def like_texts(
  vectors: sparse.csr_array | np.ndarray,
  *,
  keep: int = 100,
  power: int = 3,
  block: int = 500,
) -> sparse.csr_array:
  """`[N, N]`, the `keep` largest cosines of each row, to a power.

  Args:
    vectors: `[N, D]` of length 1, dense or sparse.
    keep: the number of neighbours of an item, itself left out.
    power: makes the nearest count more.
    block: the number of rows that are compared at a time.
  """
  N = vectors.shape[0]
  k = min(keep, N - 1)
  rows, columns, values = [], [], []
  for begin in range(0, N, block):
    part = vectors[begin : begin + block] @ vectors.T
    part = part.toarray() if sparse.issparse(part) else np.asarray(part)
    own = np.arange(len(part))
    part[own, begin + own] = -1
    best = np.argpartition(-part, k - 1, axis=1)[:, :k]
    rows.append(np.repeat(begin + own, k))
    columns.append(best.ravel())
    values.append(np.maximum(part[own[:, None], best], 0).ravel() ** power)
  found = sparse.csr_array(
    (
      np.concatenate(values).astype(np.float32),
      (np.concatenate(rows), np.concatenate(columns)),
    ),
    (N, N),
  )
  found.eliminate_zeros()
  return found


def with_itself(likeness: sparse.csr_array, own: float) -> sparse.csr_array:
  """Rows of `own * I + likeness` that sum to one."""
  whole = likeness + own * sparse.eye_array(likeness.shape[0])
  share = 1 / np.maximum(np.asarray(whole.sum(axis=1)).ravel(), 1e-9)
  return (sparse.diags_array(share) @ whole).tocsr().astype(np.float32)
