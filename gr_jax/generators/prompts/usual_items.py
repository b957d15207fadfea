"""The items of a history that a prompt has room for.

Where a history knows more items than there are positions, those with the
largest

  log(times bought) - 1/2 log(1 + weeks since it was last bought)

stay, newest last: what is bought every month is not pushed out by what was
bought once yesterday. Without repeats these are the latest items `[OURS]`.
"""

import numpy as np

from gr_jax.candidates.event_states import event_states
from gr_jax.data.requests import Requests

_WEEK = 7 * 86_400


class UsualItems:
  """Chooses items of the histories of requests, many at a time.

  Attributes:
    counts: `[E]`, how often an event's user had its item, this time included.

  Args:
    requests: the users and their events.
    history: the number of distinct items that are kept, `H`.
    lookback: the number of latest events that are searched for them.
  """

  def __init__(self, requests: Requests, *, history: int, lookback: int):
    self._requests = requests
    self._history, self._lookback = history, lookback
    self._events = event_states(requests, requests.event_item)
    self.counts = self._events.number

  def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last events of the items of request rows `[B]`, and which are there.

    Returns:
      Events `[B, H]` and a mask `[B, H]`: the newest item stands last, empty
      places are on the left.
    """
    end = self._requests.history_end[rows][:, None]
    start = self._requests.user_offsets[self._requests.user[rows]][:, None]
    length = self._history
    events = end - np.arange(1, self._lookback + 1)
    there = events >= start
    events = np.where(there, events, 0)
    last = there & (self._events.following[events] >= end)
    age = self._requests.time[rows][:, None] - self._requests.event_time[events]
    # What is not there has any age, also none that there is.
    weeks = np.maximum(age, 0) / _WEEK
    score = np.log(self._events.number[events]) - 0.5 * np.log1p(weeks)
    order = np.argsort(np.where(last, -score, np.inf), axis=1, kind="stable")
    chosen = np.zeros_like(last)
    np.put_along_axis(chosen, order[:, :length], True, axis=1)
    row, column = np.nonzero(chosen & last)
    # The newest item stands last; empty places are on the left.
    place = np.cumsum(chosen & last, axis=1)[row, column]
    kept = np.zeros((len(rows), length), np.int64)
    mask = np.zeros((len(rows), length), bool)
    kept[row, length - place] = events[row, column]
    mask[row, length - place] = True
    return kept, mask
