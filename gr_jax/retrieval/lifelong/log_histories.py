"""Histories of a log, for sums that are made before anybody asks.

The offline half: a run's own log has the lifetimes of its users, and one pass
over them fills the cache that a server then finds and adds to.
"""

from collections.abc import Iterator

import numpy as np

from gr_jax.data.requests import Requests
from gr_jax.retrieval.lifelong.lifecycle_cache import Events, LifecycleCache


class LogHistory:
  """What a user of a log did.

  Args:
    requests: the log.
    user: the row of the user.
    end: the events before this row of the log's; None = all of the user's.
  """

  def __init__(self, requests: Requests, user: int, end: int | None = None):
    self.user_id: str = requests.user_ids[user]
    self._requests = requests
    self._first = int(requests.user_offsets[user])
    self._end = int(requests.user_offsets[user + 1]) if end is None else end

  def __len__(self) -> int:
    return self._end - self._first

  def read(self, start: int, stop: int) -> Events:
    """Catalogue rows "items" and "times", as the log has them."""
    rows = slice(self._first + start, self._first + stop)
    return {
      "items": self._requests.event_item[rows],
      "times": self._requests.event_time[rows],
    }


def history_at(requests: Requests, request: int) -> LogHistory:
  """The history that a request of a log has."""
  user = int(requests.user[request])
  return LogHistory(requests, user, int(requests.history_end[request]))


def compress_log(
  cache: LifecycleCache, requests: Requests, *, batch: int = 64
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Keeps the sums of all users of a log.

  Args:
    cache: the cache; what is in it already costs next to nothing.
    requests: the log.
    batch: users that are kept at once.

  Yields:
    The rows of some users `[B]` and their sums `[B, *shape]`.
  """
  users = np.arange(len(requests.user_ids))
  for first in range(0, len(users), batch):
    part = users[first : first + batch]
    yield part, cache.states([LogHistory(requests, user) for user in part])
