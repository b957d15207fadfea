"""A batch of requests as the sources of candidates read it.

A batch has `B` rows, each a user with a history, and `P` requests of each: the
searches and the basket of one moment share what is known of the user. Requests
are numbered row by row, `0 .. B P - 1`.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np

from gr_jax.candidates.event_states import EventStates
from gr_jax.candidates.log import Log
from gr_jax.candidates.ordering import run_sizes, stable_sort, starts_of
from gr_jax.candidates.pairs import Pairs, expand, look_up, values_at


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
  """The last event of every label in the histories of `B` rows.

  Attributes:
    keys: `[n]` int64, `row * num_labels + label`, ascending.
    rows: `[n]`.
    labels: `[n]`.
    events: `[n]`.
    num_labels: the number of labels.
  """

  keys: np.ndarray
  rows: np.ndarray
  labels: np.ndarray
  events: np.ndarray
  num_labels: int

  def find(
    self, rows: np.ndarray, labels: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """The places of (row, label) `[m]` among these, and whether they are."""
    return look_up(self.keys, rows * np.int64(self.num_labels) + labels)


class Counted(NamedTuple):
  """The distinct items of events of `B` rows.

  Attributes:
    keys: `[n]` int64, `row * num_items + item`, ascending.
    rows: `[n]`.
    items: `[n]`.
    times: `[n]`, the number of the events of each.
  """

  keys: np.ndarray
  rows: np.ndarray
  items: np.ndarray
  times: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class RequestBatch:
  """`B` rows with `P` requests each.

  Attributes:
    log: the users, their events and the queries.
    requests: `[B, P]` rows of the log; those of a row share user and history.
    shown: `[B]` bool, whether the history is known.
    kept: what sources found out about this batch.
  """

  log: Log
  requests: np.ndarray
  shown: np.ndarray
  kept: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)

  @property
  def event_item(self) -> np.ndarray:
    """`[E]` of all users."""
    return self.log.requests.event_item

  @property
  def event_time(self) -> np.ndarray:
    """`[E]` of all users."""
    return self.log.requests.event_time

  @property
  def num_requests(self) -> int:
    return self.requests.size

  @functools.cached_property
  def users(self) -> np.ndarray:
    """`[B]` int64: keys are made of it."""
    return self.log.requests.user[self.requests[:, 0]].astype(np.int64)

  @functools.cached_property
  def times(self) -> np.ndarray:
    """`[B]`, in the unit of the log."""
    return self.log.requests.time[self.requests[:, 0]]

  @functools.cached_property
  def ends(self) -> np.ndarray:
    """`[B]`, the event before which each history ends."""
    return self.log.requests.history_end[self.requests[:, 0]]

  @functools.cached_property
  def starts(self) -> np.ndarray:
    """`[B]`, the first event of each history; its end where it is hidden."""
    starts = self.log.requests.user_offsets[self.users]
    return np.where(self.shown, starts, self.ends)

  @functools.cached_property
  def queries(self) -> np.ndarray:
    """`[B P]` rows of the log's queries, -1 = none."""
    return self.log.requests.query[self.requests].reshape(-1)

  @functools.cached_property
  def kinds(self) -> np.ndarray:
    """`[B, P]` int32, places in `candidates.KINDS`."""
    known = (self.ends > self.starts)[:, None]
    asked = self.queries.reshape(self.requests.shape) >= 0
    return np.where(asked, 1 + known, 0).astype(np.int32)

  @functools.cached_property
  def trained_queries(self) -> np.ndarray:
    """`[B P]` rows of the training log's queries, -1 = none or never seen."""
    log = self.log
    if not len(log.trained_query):
      return np.full(self.num_requests, -1)
    unknown = self.queries < 0
    if log.unseen is not None:
      unknown = unknown | log.unseen[self.requests].reshape(-1)
    return np.where(unknown, -1, log.trained_query[self.queries])

  def row(self, owners: np.ndarray) -> np.ndarray:
    """The row of each request `[n]`."""
    return owners // self.requests.shape[1]

  @functools.cached_property
  def history(self) -> tuple[np.ndarray, np.ndarray]:
    """The row and the event of all events of all histories, oldest first."""
    return expand(self.starts, self.ends)

  def bought(self, num_items: int) -> tuple[np.ndarray, np.ndarray]:
    """The row and the item of all distinct items of the histories."""
    found = self.counted_history(num_items)
    return found.rows, found.items

  def counted_history(self, num_items: int) -> Counted:
    """The distinct items of the histories."""
    return self._counted_once("bought", self.history, num_items)

  def _counted_once(
    self, name: str, found: tuple[np.ndarray, np.ndarray], num_items: int
  ) -> Counted:
    if name not in self.kept:
      rows, events = found
      keys = rows * np.int64(num_items) + self.event_item[events]
      keys.sort()
      starts = starts_of(keys)
      times = run_sizes(starts, len(keys))
      keys = keys[starts]
      self.kept[name] = Counted(keys, *np.divmod(keys, num_items), times)
    return self.kept[name]

  def for_each_request(
    self, rows: np.ndarray, *columns: np.ndarray
  ) -> tuple[np.ndarray, ...]:
    """What is known of rows, `[n]`, for each of their requests, `[n P]`.

    Returns:
      The request of each, and the columns.
    """
    P = self.requests.shape[1]
    owners = (rows[:, None] * P + np.arange(P)).ravel()
    return owners, *(np.repeat(column, P) for column in columns)

  def known(self, states: EventStates, *, num_labels: int) -> Known:
    """The last event of every label in each history."""
    name = f"known {id(states)}"
    if name not in self.kept:
      rows, events = self.history
      last = states.following[events] >= self.ends[rows]
      rows, events = rows[last], events[last]
      labels = states.labels[events]
      keys = rows * np.int64(num_labels) + labels
      keys, order = stable_sort(keys)
      self.kept[name] = Known(
        keys, rows[order], labels[order], events[order], num_labels
      )
    return self.kept[name]

  @functools.cached_property
  def future(self) -> tuple[np.ndarray, np.ndarray]:
    """The row and the event of what was counted of a user after its history.

    A search comes after all that was counted, so there is none.
    """
    return expand(self.ends, self.log.counted[self.users])

  def future_items(
    self, num_items: int
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct items of each row's future, and how often they are there."""
    found = self._counted_once("future", self.future, num_items)
    return found.rows, found.items, found.times

  def future_counts(self, pairs: Pairs) -> np.ndarray:
    """`[n]`, how often each pair's item is among its user's future events."""
    found = self._counted_once("future", self.future, pairs.num_items)
    wanted = self.row(pairs.owners) * np.int64(pairs.num_items) + pairs.items
    return values_at(found.times, *look_up(found.keys, wanted))
