"""What was counted of a training request's own future."""

import numpy as np

from gr_jax.data.requests import Requests


class FutureItems:
  """The next events of a user, as far as they were counted.

  Args:
    requests: users and events.
    codes: semantic IDs `[N, L]`.
    ends: `[U]`, the event before which counting a user stopped.
    window: events that are read, `W`.
  """

  def __init__(
    self,
    requests: Requests,
    codes: np.ndarray,
    ends: np.ndarray,
    *,
    window: int,
  ):
    self._requests, self._codes = requests, codes
    self._ends, self._window = ends, window

  def __call__(self, rows: np.ndarray) -> np.ndarray:
    """`[B, W, L]` codes of requests `[B]`, -1 where nothing was counted."""
    requests = self._requests
    events = requests.history_end[rows][:, None] + np.arange(self._window)
    there = events < self._ends[requests.user[rows]][:, None]
    items = requests.event_item[np.where(there, events, 0)]
    return np.where(there[..., None], self._codes[items], -1)
