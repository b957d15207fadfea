"""Answers that were given before, for a time and of one version alone.

What is kept belongs to one `stamp`, the model and the version of the catalogue
that answered: under another stamp nothing of it is found, so that any change
invalidates all at once and exactly. GR4AD keeps its results for a minute (arXiv
2602.22732).
"""

import collections
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple

# What a dictionary and an entry of it take beside key and value, roughly.
_OVERHEAD = 400


class _Entry(NamedTuple):
  value: bytes
  until: float


class ResultCache:
  """Values in bytes by keys in bytes; who was not read for longest goes first.

  Args:
    seconds: the time that an entry is kept.
    most: bytes that all entries take, at most.
    on_event: called with "hit", "miss", "expired" (a miss as well) or "evicted"
      for each.
    clock: the seconds.

  Attributes:
    size: bytes that all entries take.
  """

  def __init__(
    self,
    *,
    seconds: float,
    most: int,
    on_event: Callable[[str], None] = lambda event: None,
    clock: Callable[[], float] = time.monotonic,
  ):
    self._seconds, self._most = seconds, most
    self._on_event, self._clock = on_event, clock
    self._entries: collections.OrderedDict[bytes, _Entry] = (
      collections.OrderedDict()
    )
    self._stamp: Hashable = None
    self.size = 0

  def __len__(self) -> int:
    return len(self._entries)

  def find(self, stamp: Hashable, *keys: bytes) -> bytes | None:
    """The value of the first of the keys that has one under this stamp.

    Entries under any other stamp are dropped.
    """
    if stamp != self._stamp:
      self._entries.clear()
      self._stamp, self.size = stamp, 0
    now = self._clock()
    for key in keys:
      entry = self._entries.get(key)
      if entry is None:
        continue
      if entry.until > now:
        self._entries.move_to_end(key)
        self._on_event("hit")
        return entry.value
      self._drop(key)
      self._on_event("expired")
    self._on_event("miss")
    return None

  def keep(self, stamp: Hashable, key: bytes, value: bytes) -> None:
    """Keeps a value, unless its stamp is no longer that of `find`."""
    needed = _bytes(key, value)
    if stamp != self._stamp or needed > self._most:
      return
    if key in self._entries:
      self._drop(key)
    while self.size + needed > self._most:
      self._drop(next(iter(self._entries)))
      self._on_event("evicted")
    self._entries[key] = _Entry(value, self._clock() + self._seconds)
    self.size += needed

  def _drop(self, key: bytes) -> None:
    self.size -= _bytes(key, self._entries.pop(key).value)


def _bytes(key: bytes, value: bytes) -> int:
  return len(key) + len(value) + _OVERHEAD
