"""States of users, encoded when they are needed and kept while there is room.

The history of a user is what the run's log has, and behind it the events that
were sent since. A state is that of a number of events: one more, and the next
request encodes the user anew. The least recently used go first.
"""

import collections
import threading
from collections.abc import Sequence

import numpy as np

from gr_jax.data.requests import CLICKED, ORDERED
from gr_jax.ranking.ranker import Events, Ranker, State
from gr_jax.serving.users.history_state import Event
from gr_jax.serving.users.user_events import UserEvents

_KINDS = {"click": CLICKED, "order": ORDERED}


class UserStates:
  """The states of a ranker's users.

  Args:
    ranker: encodes them.
    events: what was sent.
    most: bytes that are kept.

  Attributes:
    size: bytes that are kept now.
    hits: requests whose state was there.
    misses: requests whose user was encoded.
  """

  def __init__(self, ranker: Ranker, events: UserEvents, *, most: int):
    self._ranker, self._events, self._most = ranker, events, most
    self._kept: collections.OrderedDict[str, tuple[object, State]] = (
      collections.OrderedDict()
    )
    self._lock = threading.Lock()
    self.size = self.hits = self.misses = 0

  def of(self, user_id: str) -> State:
    """The state of a user, known or not."""
    sent = self._events.of(user_id)
    # The newest are kept: as many of them may be others than before.
    mark = len(sent), sent[-1] if sent else None
    with self._lock:
      found = self._kept.get(user_id)
      if found and found[0] == mark:
        self._kept.move_to_end(user_id)
        self.hits += 1
        return found[1]
    self.misses += 1
    state = self._ranker.encode(self._history(user_id, sent))
    with self._lock:
      if old := self._kept.pop(user_id, None):
        self.size -= old[1].size
      self._kept[user_id] = mark, state
      self.size += state.size
      while self.size > self._most and len(self._kept) > 1:
        self.size -= self._kept.popitem(last=False)[1][1].size
    return state

  def _history(self, user_id: str, sent: Sequence[Event]) -> Events:
    try:
      logged = self._ranker.history(user_id)
    except KeyError:
      logged = self._ranker.events([])
    return joined(logged, self._ranker.events(sent_events(sent)))


def sent_events(sent: Sequence[Event]) -> list[tuple[str, int, int]]:
  """Items, actions and times of events, for `Ranker.events`."""
  return [(e.item_id, _KINDS[e.kind], round(e.time)) for e in sent]


def joined(logged: Events, sent: Events) -> Events:
  """The log, and what came since; what is not later goes with its newest."""
  least = int(logged.times[-1]) if len(logged.times) else 0
  return Events(
    np.append(logged.items, sent.items),
    np.append(logged.actions, sent.actions),
    np.append(logged.times, np.maximum(sent.times, least)),
    logged.user,
  )
