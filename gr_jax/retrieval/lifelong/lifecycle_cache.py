r"""The compressed lifecycles of users, computed once and then added to.

$$ A(e_1 .. e_n) = \sum_i a(e_i), \qquad
   A(e_1 .. e_{n+1}) = A(e_1 .. e_n) + a(e_{n+1}) $$

A lifecycle is a history without its newest events, which other parts of a
network read one by one (GEMs, arXiv 2602.13631); what is compressed is a sum
over events (`nn.quasi_linear_attention`). A request finds the sum of its user,
adds the events that came since, mostly none or one, and keeps the result: its
costs do not grow with the history, of which only these events are read.

Sums are kept in float64: of 100,000 events that came one by one they are what
one pass over all gives, but for the float32 of the passes themselves.

A kept sum says how many events are in it and has a checksum of the newest. It
is begun anew where the history does not have that event at that place: where
events were taken out, or the user ID is now another's.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import jax
import numpy as np

from gr_jax.retrieval.lifelong.state_store import StateStore, Stored

Events = Mapping[str, np.ndarray]
"""Arrays `[n, ...]` of `n` events, oldest first."""

Compress = Callable[[dict[str, np.ndarray], np.ndarray], jax.Array]
"""Sums `[B, *shape]` of events `[B, T, ...]` under a mask `[B, T]`, compiled.

What it makes of an event depends on that event and on the model alone: not on
other events, on its place, nor on the time of the request. What is masked is 0.
"""


class History(Protocol):
  """All events of a user; a list that grows at its end."""

  @property
  def user_id(self) -> str: ...

  def __len__(self) -> int: ...

  def read(self, start: int, stop: int) -> Events:
    """The events from `start`, 0 is the oldest, to before `stop`."""
    ...


class ArrayHistory(NamedTuple):
  """A history in memory.

  Attributes:
    user_id: who.
    events: the same arrays for every user, one row an event.
  """

  user_id: str
  events: Events

  def __len__(self) -> int:
    return len(next(iter(self.events.values())))

  def read(self, start: int, stop: int) -> Events:
    return {name: array[start:stop] for name, array in self.events.items()}


class _Piece(NamedTuple):
  """Events `start` to before `stop` of the history of row `row`."""

  row: int
  start: int
  stop: int


class LifecycleCache:
  """The sums of users: kept, or made of the events that are not in them yet.

  Args:
    store: where they are kept, of this model's version.
    compress: the model.
    newest: the events of a history that are not in its lifecycle.
    shapes: (rows, events) of the compiled calls, the shorter first; what is
      longer than the longest is read in several.

  Raises:
    ValueError: no shape, or one without rows or events; `newest` below 0.

  Attributes:
    compressed: events that were read so far.
  """

  def __init__(
    self,
    store: StateStore,
    compress: Compress,
    *,
    newest: int,
    shapes: Sequence[tuple[int, int]] = ((16, 16), (1, 1024)),
  ):
    if newest < 0:
      raise ValueError(f"newest ({newest}) must be at least 0.")
    if not shapes or min(map(min, shapes)) < 1:
      raise ValueError(f"shapes ({shapes}) must name rows and events.")
    self._store, self._compress = store, compress
    self._newest = newest
    self._shapes = sorted(shapes, key=lambda shape: shape[1])
    self.compressed = 0

  def states(self, histories: Sequence[History]) -> np.ndarray:
    """The sums of histories, `[B, *shape]` float32; 0 of no lifecycle.

    A user may be there several times.
    """
    counts = [max(len(each) - self._newest, 0) for each in histories]
    kept = self._store.get([each.user_id for each in histories])
    sums = np.zeros((len(histories), *self._store.shape))
    pieces, changed = [], []
    for row, (history, count, found) in enumerate(zip(histories, counts, kept)):
      start = 0
      if found is not None and _continues(found, history, count):
        sums[row], start = found.state, found.events
      if start < count:
        changed.append(row)
      longest = self._shapes[-1][1]
      for place in range(start, count, longest):
        pieces.append(_Piece(row, place, min(place + longest, count)))
    self._add(histories, pieces, sums)
    if changed:
      self._store.put(
        {
          histories[row].user_id: Stored(
            counts[row], _mark(histories[row], counts[row]), sums[row]
          )
          for row in changed
        }
      )
    return sums.astype(np.float32)

  def _add(
    self,
    histories: Sequence[History],
    pieces: Sequence[_Piece],
    sums: np.ndarray,
  ) -> None:
    shorter = 0
    for rows, length in self._shapes:
      fitting = [
        each for each in pieces if shorter < each.stop - each.start <= length
      ]
      shorter = length
      for first in range(0, len(fitting), rows):
        group = fitting[first : first + rows]
        parts = [histories[row].read(start, stop) for row, start, stop in group]
        mask = np.zeros((rows, length), bool)
        arrays = {
          name: np.zeros((rows, length, *array.shape[1:]), array.dtype)
          for name, array in parts[0].items()
        }
        for at, part in enumerate(parts):
          size = group[at].stop - group[at].start
          mask[at, :size] = True
          for name, array in part.items():
            arrays[name][at, :size] = array
        added = np.asarray(self._compress(arrays, mask), np.float64)
        for at, piece in enumerate(group):
          sums[piece.row] += added[at]
        self.compressed += int(mask.sum())


def _continues(found: Stored, history: History, count: int) -> bool:
  """Whether a history begins with the events of a state."""
  if found.events > count:
    return False
  return found.events == 0 or found.mark == _mark(history, found.events)


def _mark(history: History, count: int) -> int:
  """A checksum of the event before `count`."""
  checksum = 0
  for name, array in sorted(history.read(count - 1, count).items()):
    checksum = zlib.crc32(name.encode(), checksum)
    checksum = zlib.crc32(np.ascontiguousarray(array).tobytes(), checksum)
  return checksum
