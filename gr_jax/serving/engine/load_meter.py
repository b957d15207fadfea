"""Measures the load: how long searches take, how many come, how late they end.

The time of a search by width and size of the batch follows what was measured,
fast upwards and slowly down; one that was not measured yet is that of the
nearest width, by its cost.
"""

import collections
import math
from collections.abc import Sequence
from typing import NamedTuple

from gr_jax.serving.engine.load_policy import Load

_UP, _DOWN = 0.5, 0.1
# More answers than these in a window tell the percentile no better.
_MOST = 4096


class Backlog(NamedTuple):
  """Those that wait when a search is about to begin.

  Attributes:
    batch: the number of requests that are searched now.
    behind: the number of those that wait for a later search.
    waited: seconds that the oldest of them has waited.
    k: the most items that one of the batch wants.
  """

  batch: int
  behind: int
  waited: float
  k: int


class LoadMeter:
  """What was measured in the last `window` seconds.

  Args:
    costs: the costs of the widths in one unit, narrowest first.
    sizes: the sizes of batches that are compiled, smallest first.
    window: seconds.
  """

  def __init__(
    self, costs: Sequence[float], sizes: Sequence[int], *, window: float = 1.0
  ):
    self._costs, self._sizes = tuple(costs), tuple(sizes)
    self._window = window
    self._seconds: dict[tuple[int, int], float] = {}
    self._answers: collections.deque[tuple[float, float]] = collections.deque(
      maxlen=_MOST
    )

  def searched(self, level: int, batch: int, seconds: float) -> None:
    """A search of the width at place `level` has taken so long."""
    key = level, self._size(batch)
    old = self._seconds.get(key, seconds)
    self._seconds[key] = old + (_UP if seconds > old else _DOWN) * (
      seconds - old
    )

  def answered(self, now: float, late: Sequence[float]) -> None:
    """Requests were answered, so many seconds after they arrived."""
    self._answers.extend((now, each) for each in late)

  def load(self, now: float, backlog: Backlog) -> Load:
    """The load at the moment `now`, with these waiting."""
    while self._answers and self._answers[0][0] < now - self._window:
      self._answers.popleft()
    late = sorted(seconds for _, seconds in self._answers)
    levels, largest = range(len(self._costs)), self._sizes[-1]
    full = len(late) / self._window / largest
    return Load(
      now,
      tuple(self._foreseen(level, backlog) for level in levels),
      tuple(full * self._expected(level, largest) for level in levels),
      late[math.ceil(0.99 * len(late)) - 1] if late else 0.0,
    )

  def _foreseen(self, level: int, backlog: Backlog) -> float:
    largest = self._sizes[-1]
    rest = backlog.behind / largest * self._expected(level, largest)
    return backlog.waited + self._expected(level, backlog.batch) + rest

  def _expected(self, level: int, batch: int) -> float:
    """Seconds of a search; 0 while nothing at all was measured."""
    if not self._seconds:
      return 0.0
    size = self._size(batch)

    def distance(key: tuple[int, int]) -> tuple[float, float]:
      apart = abs(math.log(key[1] / size))
      return apart, abs(math.log(self._costs[key[0]] / self._costs[level]))

    near = min(self._seconds, key=distance)
    ratio = self._costs[level] / self._costs[near[0]]
    # A larger batch takes longer, but by no more than its share.
    more = max(1.0, size / near[1])
    return self._seconds[near] * ratio * more

  def _size(self, batch: int) -> int:
    return next((s for s in self._sizes if s >= batch), self._sizes[-1])
