"""What users alike have chosen.

Users `X` `[U, N]` have entries `1 + ln n` of the items that they chose n times.
A history h `[N]` is written as users by ridge regression, and scores items as
these have chosen them (kernel ridge regression; EASE without its constraint on
the diagonal, Steck, arXiv 1905.03375):

  a = h Xᵀ,  K = (XXᵀ + ridge I)⁻¹,  score = a K X

with the mean of the diagonal of `XXᵀ` as `ridge`. A training request would read
its own answer in its user's future, so it reads all users but its own u, by the
exact inverse of what is left:

  a_u = 0,  z = a K - (a . k_u) k_u / K_uu,  score = z X

Only the `COMMON` items that most users chose are looked through for the best
ones. `[OURS]`
"""

import copy
from typing import Any, Self

import numpy as np
from scipy import linalg

from gr_jax.candidates.independent_rows import rows_times
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.ordering import largest_first
from gr_jax.candidates.pairs import Pairs, Proposed, expand
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.links import with_rows
from gr_jax.candidates.sources.source import TaughtByLog
from gr_jax.data.log_counts import log_counts
from gr_jax.data.row_lists import RowLists

LARGEST = 4096
"""Users that are compared at most: a request costs their square."""

COMMON = 16384
"""Items that are looked through for proposals."""


# What follows from the users' choices.
_FOLLOWS = ("_common", "_column", "_choosers")


class AlikeUsers(TaughtByLog):
  """Kernel ridge regression over users.

  Args:
    sequences: the items of each user in the training period.
    num_items: `N`.
    most: the number of items that are proposed to a request without a query.
  """

  names = ("alike_score", "alike_share", "alike_place")

  def __init__(self, sequences: RowLists, *, num_items: int, most: int = 48):
    self._most, self._scale = most, 1.0
    users = log_counts(
      sequences.owners, sequences.rows, shape=(len(sequences), num_items)
    )
    gram = (users @ users.T).toarray().astype(np.float64)
    # `Xᵀ`: items are looked up one by one.
    self._chosen = users.T.tocsr()
    diagonal = gram.diagonal()
    chosen = diagonal[diagonal > 0]
    gram[np.diag_indices(len(gram))] += chosen.mean() if len(chosen) else 1.0
    identity = np.eye(len(gram))
    self._kernel = linalg.cho_solve(linalg.cho_factor(gram), identity).astype(
      np.float32
    )
    self._find_common()

  def _find_common(self) -> None:
    """Finds the items that most users chose, by row, and who chose them."""
    users = np.diff(self._chosen.indptr)
    self._common = np.sort(np.argsort(-users, kind="stable")[:COMMON])
    self._column = np.full(self._num_items, -1)
    self._column[self._common] = np.arange(len(self._common))
    self._choosers = self._chosen[self._common]

  @property
  def _num_items(self) -> int:
    return self._chosen.shape[0]

  def measure(self, batch: RequestBatch) -> None:
    """Takes the median best score as the unit."""
    top = self._best(batch)[1][:, 0]
    top = top[top > 0]
    self._scale = float(np.median(top)) if len(top) else 1.0

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries < 0)
    if not len(owners):
      return None
    items, scores = self._best(batch)
    row = batch.row(owners)
    there = scores[row] > 0
    who = np.broadcast_to(owners[:, None], there.shape)
    place = np.broadcast_to(-np.arange(there.shape[1]), there.shape)
    return Proposed(who[there], items[row][there], place[there])

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    row = batch.row(pairs.owners)
    _, scores = self._best(batch)
    score = np.maximum(self._at(batch, row, pairs.items), 0)
    place = (scores[row] > score[:, None]).sum(axis=1)
    top = np.maximum(scores[row, 0], 1e-12)
    columns = (
      np.log1p(score / self._scale),
      np.log(np.minimum(score / top, 2) + 0.01),
      -np.log1p(np.where(score > 0, place, self._most)),
    )
    return np.stack(columns, axis=1).astype(np.float32)

  def _users(self, batch: RequestBatch) -> np.ndarray:
    """`[B, U]`, how much of each user a history is; computed once a batch."""
    if "alike users" not in batch.kept:
      rows, events = batch.history
      shape = len(batch.requests), self._num_items
      history = log_counts(rows, batch.event_item[events], shape=shape)
      alike = (history @ self._chosen).toarray()
      found = rows_times(alike, self._kernel)
      training = np.flatnonzero(batch.ends < batch.log.counted[batch.users])
      if len(training):
        found[training] = self._without(alike[training], batch.users[training])
      batch.kept["alike users"] = found
    return batch.kept["alike users"]

  def _without(self, alike: np.ndarray, users: np.ndarray) -> np.ndarray:
    """`[n, U]`, of `alike` `[n, U]`, where user `users[r]` is none of them."""
    own, every = self._kernel[users], np.arange(len(users))
    left = alike.copy()
    left[every, users] = 0
    lost = (left * own).sum(axis=1) / own[every, users]
    return left @ self._kernel - lost[:, None] * own

  def _at(
    self, batch: RequestBatch, rows: np.ndarray, items: np.ndarray
  ) -> np.ndarray:
    """`[n]`, the scores of rows and items `[n]`."""
    column = self._column[items]
    found = self._of_common(batch)[rows, np.maximum(column, 0)]
    rare = np.flatnonzero(column < 0)
    if len(rare):
      rows, items = rows[rare], items[rare]
      users, chosen = self._users(batch), self._chosen
      pair, place = expand(chosen.indptr[items], chosen.indptr[items + 1])
      terms = users[rows[pair], chosen.indices[place]] * chosen.data[place]
      found[rare] = np.bincount(pair, terms, minlength=len(rare))
    return found

  def _of_common(self, batch: RequestBatch) -> np.ndarray:
    """`[B, C]`, the scores of the common items; computed once a batch."""
    if "alike common" not in batch.kept:
      # Sums over the rows of a sparse matrix are the fastest here.
      scores = (self._choosers @ self._users(batch).T).T
      batch.kept["alike common"] = np.ascontiguousarray(scores, np.float32)
    return batch.kept["alike common"]

  def _best(self, batch: RequestBatch) -> tuple[np.ndarray, np.ndarray]:
    """Items `[B, most]` that the user has not, and their scores, 0 = none."""
    if "alike best" not in batch.kept:
      scores = np.maximum(self._of_common(batch), 0)
      rows, bought = batch.bought(self._num_items)
      column = self._column[bought]
      scores[rows[column >= 0], column[column >= 0]] = 0
      best = largest_first(scores, min(self._most, scores.shape[1]))
      found = np.take_along_axis(scores, best, axis=1)
      batch.kept["alike best"] = self._common[best], found
    return batch.kept["alike best"]

  def state(self) -> dict[str, Any]:
    kept = super().state()
    return {k: v for k, v in kept.items() if k not in _FOLLOWS}

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    found = super().restored(state, items)
    found._find_common()
    return found

  def grown(self, items: ItemFacts) -> Self:
    """A new item is chosen as its neighbours are on average."""
    found = copy.copy(self)
    found._chosen = with_rows(self._chosen, items)
    found._find_common()
    return found
