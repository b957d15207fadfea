"""Users as rows: the newest items of each, and what came after each.

One user a row, oldest item first, empty places at the end. Places are items and
`after` what the user took next, so that a row of `T` places is learned from
`T` times; the newest state of a row with `after` unknown is what retrieves.
"""

import numpy as np
from flax import struct

from gr_jax.data.requests import Requests
from gr_jax.ranking.sequences import Array


@struct.dataclass
class UserRows:
  """Rows of a batch, `B` users and `T` places; times in seconds.

  Attributes:
    items: `[B, T]` int32 catalogue rows, -1 = empty.
    times: `[B, T]` int32 from one origin.
    after: `[B, T]` int32, the item that follows each; -1 = not known.
    next_times: `[B, T]` int32, when it follows.
  """

  items: Array
  times: Array
  after: Array
  next_times: Array


class RowWriter:
  """Writes rows of users.

  Args:
    requests: users and events.
    length: `T`.
  """

  def __init__(self, requests: Requests, length: int):
    self._items, self._begin = requests.event_item, requests.user_offsets
    self._length = length
    times = requests.event_time
    self._origin = int(times.min()) if len(times) else 0
    self._times = times - self._origin

  def learned(
    self, users: np.ndarray, end: np.ndarray, *, places: int = 0
  ) -> UserRows:
    """The newest `T` events that have one behind them, of those before `end`.

    Args:
      users: `[B]`.
      end: `[B]` the event behind the newest that is learned.
      places: as many as these rows need, at least; 0 = `T`.
    """
    return self._rows(users, end - 1, places or self._length)

  def read(
    self, users: np.ndarray, end: np.ndarray, now: np.ndarray
  ) -> UserRows:
    """The newest `T` events before `end`; what follows comes at `now [B]`."""
    rows = self._rows(users, end, self._length)
    newest = (rows.items >= 0).sum(axis=1) - 1
    some = np.flatnonzero(newest >= 0)
    rows.after[some, newest[some]] = -1
    rows.next_times[some, newest[some]] = (now - self._origin)[some]
    return rows

  def _rows(self, users: np.ndarray, end: np.ndarray, places: int) -> UserRows:
    begin = np.maximum(self._begin[users], end - places)
    place = begin[:, None] + np.arange(places)
    there = place < end[:, None]
    at = np.where(there, place, 0)
    after = np.minimum(at + 1, len(self._items) - 1)

    def numbers(values: np.ndarray, empty: int) -> np.ndarray:
      return np.where(there, values, empty).astype(np.int32)

    return UserRows(
      items=numbers(self._items[at], -1),
      times=numbers(self._times[at], 0),
      after=numbers(self._items[after], -1),
      next_times=numbers(self._times[after], 0),
    )


def batches_of_epoch(
  sizes: np.ndarray, *, batch: int, length: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, int]]:
  """Rows `[batch]` and the places that they need, in random order.

  Rows of about one size share a batch, whose places are a quarter of `length`,
  two, three or all: attention costs their square. Who is left over when batches
  are full is drawn anew in every epoch.

  Args:
    sizes: `[U]` places that a row needs, at most `length`.
    batch: `B`; with fewer rows some come twice.
    length: `T`.
    rng: draws the epoch.
  """
  quarter = -(-length // 4)
  needs = np.minimum(-(-np.maximum(sizes, 1) // quarter) * quarter, length)
  count = max(len(sizes) // batch, 1)
  drawn = np.resize(rng.permutation(len(sizes)), count * batch)
  drawn = drawn[np.argsort(needs[drawn], kind="stable")].reshape(count, batch)
  return [(rows, int(needs[rows].max())) for rows in rng.permutation(drawn)]
