"""What a user chose before, how often and in which rhythm.

For an item that the history holds `n` times, the first time `t_1` and the last
time `t_n`, and a request at time t, features say n, t - t_n, the usual gap
(t_n - t_1) / (n - 1), how far this gap has passed, log((t - t_n) / gap), and

  decayed = sum over purchases i of exp(-(t - t_i) / tau)

for several tau; the same for the item's category. All times are shares of the
span of a usual history, so no unit enters. [OURS]; the rhythm is that of
repeat-consumption models (Anderson et al. 2014, "The dynamics of repeat
consumption").
"""

import functools
from typing import Any, Self

import numpy as np

from gr_jax.candidates.event_states import EventStates
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed, places_within
from gr_jax.candidates.request_batch import Known, RequestBatch
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.source import Unmeasured

# Shares of the span of a usual history after which a purchase counts 1/e.
TAUS = (1 / 48, 1 / 12, 1 / 4, 1 / 2)

# The unit of time is such a share of that span, about a day of a year's log.
_UNIT = 1 / 300

# Items of a turn: most that is chosen again is among them.
_AT_ONCE = 3

# The age of what never was, in units.
_NEVER = 400.0


class OwnItems(Unmeasured):
  """The items of the history.

  Args:
    categories: `[N]`, the finest category of each item, -1 unknown.
    span: the span of a usual history, in the unit of the log's times.
    most: the number of items that are proposed, at most, to a request without
      a query.
  """

  names = (
    "own_count",
    "own",
    "own_age",
    "own_visits_since",
    "own_due",
    "own_no_gap",
    "own_gap",
    *(f"own_decayed_{i}" for i in range(len(TAUS))),
    "own_share_of_category",
    "own_share_of_request",
    "own_share_of_visits",
    "category_count",
    "category_age",
    "category_due",
    "history",
    "visits",
  )

  def __init__(
    self,
    categories: np.ndarray,
    *,
    span: float,
    most: int = 256,
  ):
    self._most, self._span = most, span
    self._unit = max(span * _UNIT, 1e-9)
    self._taus = [max(share * span, 1e-9) for share in TAUS]
    self._types = categories.astype(np.int64) + 1  # 0 for no category.
    self._num_items = len(categories)
    self._labels = np.arange(self._num_items)
    self._num_categories = int(categories.max(initial=-1)) + 2

  def _items(self, batch: RequestBatch) -> EventStates:
    return batch.log.states("own items", self._labels, self._taus)

  def propose(self, batch: RequestBatch) -> Proposed:
    known = batch.known(self._items(batch), num_labels=self._num_items)
    # A query says itself which of the user's items it is about.
    least = batch.queries.reshape(batch.requests.shape).min(axis=1)
    some = np.flatnonzero(least[known.rows] < 0)
    scores = self._decayed(batch, known, some, slice(-1, None))[:, 0]
    owners, items, scores = batch.for_each_request(
      known.rows[some], known.labels[some], scores
    )
    kept = batch.queries[owners] < 0
    owners, items, scores = owners[kept], items[kept], scores[kept]
    best = places_within(owners, scores) < self._most
    return Proposed(owners[best], items[best], scores[best], at_once=_AT_ONCE)

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    row = batch.row(pairs.owners)
    states = self._items(batch)
    known = batch.known(states, num_labels=self._num_items)
    place, own = known.find(row, pairs.items)
    state = functools.partial(_state, batch, known, place, own)
    count, age, gap = state(states, self._unit)
    decayed = np.zeros((len(pairs), len(TAUS)), np.float32)
    decayed[own] = self._decayed(batch, known, place[own])
    visit, some = batch.log.visits(), batch.ends > batch.starts
    visits = np.zeros(len(some), np.int64)
    visits[some] = visit[batch.ends[some] - 1] + 1
    visits = visits[row]
    since = np.full(len(pairs), 200.0)
    last = known.events[place[own]]
    since[own] = visits[own] - 1 - visit[last]
    by_type = batch.log.states("own categories", self._types)
    types = batch.known(by_type, num_labels=self._num_categories)
    type_place, bought = types.find(row, self._types[pairs.items])
    type_count, type_age, type_gap = _state(
      batch, types, type_place, bought, by_type, self._unit
    )
    share = np.bincount(pairs.owners, decayed[:, 1], batch.num_requests)
    size = (batch.ends - batch.starts)[row]
    return np.stack(
      [
        np.log1p(count),
        own,
        np.log1p(age),
        np.log1p(since),
        np.where(gap > 0, np.log((age + 1) / (gap + 1)), 0),
        gap <= 0,
        np.log1p(gap),
        *np.log(decayed.T + 0.01),
        count / (type_count + 1),
        decayed[:, 1] / (share[pairs.owners] + 1),
        count / np.maximum(visits, 1),
        np.log1p(type_count),
        np.log1p(type_age),
        np.where(type_gap > 0, np.log((type_age + 1) / (type_gap + 1)), 0),
        np.log1p(size),
        np.log1p(visits),
      ],
      axis=1,
    ).astype(np.float32)

  def state(self) -> dict[str, Any]:
    return {"span": self._span, "most": self._most}

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    return cls(finest_category(items.categories), **state)

  def grown(self, items: ItemFacts) -> Self:
    return type(self).restored(self.state(), items)

  def _decayed(
    self,
    batch: RequestBatch,
    known: Known,
    some: np.ndarray,
    taus: slice = slice(None),
  ) -> np.ndarray:
    """`[n, T]`, the decayed counts of `some` `[n]` last events at requests."""
    rows, events = known.rows[some], known.events[some]
    age = batch.times[rows] - batch.event_time[events]
    fallen = np.exp(-age[:, None] / np.asarray(self._taus[taus]))
    return self._items(batch).decayed[events, taus] * fallen


def _state(
  batch: RequestBatch,
  known: Known,
  place: np.ndarray,
  there: np.ndarray,
  states: EventStates,
  unit: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Count, age and usual gap `[n]` of labels, times in units; 0 = no gap."""
  count, gap = np.zeros(len(place)), np.zeros(len(place))
  age = np.full(len(place), _NEVER)
  event = known.events[place[there]]
  row = known.rows[place[there]]
  time = batch.event_time[event]
  count[there] = states.number[event]
  age[there] = (batch.times[row] - time) / unit
  between = np.maximum(states.number[event] - 1, 1)
  gap[there] = (time - states.first[event]) / unit / between
  return count, age, gap
