"""The compressed lifecycle of the user that a request names.

What a server has of a user on disk (`Lifetimes`), as the histories that
`LifecycleCache` keeps sums of: a request costs the events that came since the
user's last one. A network that reads lifecycles takes `states` beside a prompt.
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from gr_jax.retrieval.lifelong.lifecycle_cache import Events, LifecycleCache
from gr_jax.retrieval.lifelong.state_store import StateStore
from gr_jax.serving.users.history_state import Event
from gr_jax.serving.users.lifetimes import Lifetimes

Columns = Callable[[Sequence[Event]], Events]
"""The arrays that the network reads of events.

Of an item that the catalogue does not know they hold what stands for unknown,
and a kept sum goes on with that when the item comes: codes of items, which
never change, rather than anything that does.
"""


class _Lifetime:
  """One user's events."""

  def __init__(
    self, user_id: str | None, lifetimes: Lifetimes, columns: Columns
  ):
    # Nobody's ID is the empty one, which no request can have.
    self.user_id = user_id or ""
    self._lifetimes, self._columns = lifetimes, columns
    # It does not grow while a request is answered.
    self._count = 0 if user_id is None else lifetimes.count(user_id)

  def __len__(self) -> int:
    return self._count

  def read(self, start: int, stop: int) -> Events:
    return self._columns(self._lifetimes.read(self.user_id, start, stop))


class Lifecycles:
  """Sums by user ID, and the events that they are of: a `UserEvents`.

  Args:
    lifetimes: the events.
    store: where sums are kept.
    cache: what keeps them there.
    columns: what the network reads of events.
  """

  def __init__(
    self,
    lifetimes: Lifetimes,
    store: StateStore,
    cache: LifecycleCache,
    columns: Columns,
  ):
    self._lifetimes, self._store = lifetimes, store
    self._cache, self._columns = cache, columns
    self._lock = threading.Lock()

  def states(self, user_ids: Sequence[str | None]) -> np.ndarray:
    """`[B, *shape]` float32; 0 of a stranger, or of a short history.

    Args:
      user_ids: `B` users, None for a stranger.
    """
    with self._lock:
      return self._cache.states(
        [_Lifetime(each, self._lifetimes, self._columns) for each in user_ids]
      )

  @property
  def size(self) -> int:
    """Events of all users."""
    return self._lifetimes.size

  @property
  def trouble(self) -> str | None:
    """Why the last event was not taken; None while all is well."""
    return self._lifetimes.trouble

  def add(self, events: Sequence[Event]) -> None:
    """Returns when all are on disk; the next request adds them to sums.

    Raises:
      NotWritten: none of them is.
    """
    self._lifetimes.add(events)

  def of(self, user_id: str) -> tuple[Event, ...]:
    """The newest events of a user, oldest first."""
    return self._lifetimes.of(user_id)

  def remove(self, user_id: str) -> int:
    """Forgets a user and the user's sum; returns how many events that were.

    Raises:
      NotWritten: they are still there.
    """
    # A request that was begun before would keep the sum again.
    with self._lock:
      count = self._lifetimes.remove(user_id)
      self._store.remove(user_id)
    return count

  def close(self) -> None:
    """Ends events and sums; none comes after this."""
    with self._lock:
      self._lifetimes.close()
      self._store.close()
