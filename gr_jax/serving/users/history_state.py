"""What all events of a log come to: the newest ones of each user.

Memory is bounded: of each user the newest events are kept, and where all users
together have too many, those whose last event came longest ago are let go.
"""

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_EVENTS = 500  # In a line of the state.


class Event(NamedTuple):
  """A click on an item, or an order of it.

  Attributes:
    user_id: who.
    item_id: which; the catalogue need not know it.
    kind: "click" or "order".
    time: unix seconds.
  """

  user_id: str
  item_id: str
  kind: str
  time: float


class HistoryState:
  """Folds records, oldest first.

  Args:
    records: `{"events": [Event, ...]}` or `{"leave": [user_id, ...]}`.
    most: events kept of a user.
    held: events kept of all users.

  Attributes:
    size: events of all users.
  """

  def __init__(
    self,
    records: Iterable[Mapping[str, Any]] = (),
    *,
    most: int = 64,
    held: int = 1_000_000,
  ):
    self._most, self._held, self.size = most, held, 0
    self._events: dict[str, tuple[Event, ...]] = {}
    for record in records:
      self.add(record)

  def __len__(self) -> int:
    return len(self._events)

  def add(self, record: Mapping[str, Any]) -> None:
    """Takes in one more record.

    Raises:
      ValueError: it is none of events.
    """
    if not {"events", "leave"} >= {*record}:
      raise ValueError("this is no log of events; it has other records.")
    for stored in record.get("events", ()):
      user_id, item_id, kind, time = stored
      # A million events name each item many times.
      self._add(Event(user_id, sys.intern(item_id), sys.intern(kind), time))
    for user_id in record.get("leave", ()):
      self.size -= len(self._events.pop(user_id, ()))

  def _add(self, event: Event) -> None:
    # The order of a dictionary is that in which users were last seen.
    before = self._events.pop(event.user_id, ())
    after = sorted((*before, event), key=lambda each: each.time)
    self._events[event.user_id] = tuple(after[-self._most :])
    self.size += len(self._events[event.user_id]) - len(before)
    while self.size > self._held:
      self.size -= len(self._events.pop(next(iter(self._events))))

  def of(self, user_id: str) -> tuple[Event, ...]:
    """The events of a user, oldest first."""
    return self._events.get(user_id, ())

  def copied(self) -> "HistoryState":
    """A copy that goes on by itself."""
    new = HistoryState(most=self._most, held=self._held)
    new._events, new.size = self._events.copy(), self.size
    return new

  def records(self) -> Iterator[dict[str, Any]]:
    """Records that fold to this state."""
    every = itertools.chain.from_iterable(self._events.values())
    while part := list(itertools.islice(every, _EVENTS)):
      yield {"events": part}
