"""Lets changes that wait for the disk go to it together.

One write waits milliseconds for the disk, however short it is. Whoever finds
the disk busy leaves its change in a list; the next to have the disk takes all
of the list, so that the rate of changes is not bounded by that of writes.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Change = TypeVar("Change")
Done = TypeVar("Done")


class _Waiting(Generic[Change, Done]):
  def __init__(self, change: Change):
    self.change = change
    self.outcome: tuple[Done] | Exception | None = None


class GroupCommit(Generic[Change, Done]):
  """Calls `commit` with all changes that came while it was at work.

  Args:
    commit: gives a result, or an exception in its place, for each of some
      changes; they are in the order in which they came.
    lock: held while it works.
  """

  def __init__(
    self,
    commit: Callable[[list[Change]], Sequence[Done | Exception]],
    lock: threading.Lock,
  ):
    self._commit, self._lock = commit, lock
    self._adding = threading.Lock()
    self._waiting: list[_Waiting[Change, Done]] = []

  def __call__(self, change: Change) -> Done:
    """Returns the result of the change, or raises its exception."""
    mine = _Waiting[Change, Done](change)
    with self._adding:
      self._waiting.append(mine)
    with self._lock:
      if mine.outcome is None:
        self._commit_all()
    if isinstance(mine.outcome, Exception):
      raise mine.outcome
    assert mine.outcome is not None
    return mine.outcome[0]

  def _commit_all(self) -> None:
    with self._adding:
      group, self._waiting = self._waiting, []
    try:
      found = self._commit([each.change for each in group])
    except Exception as error:  # A bug is one of all.
      found = [error] * len(group)
    for each, done in zip(group, found, strict=True):
      each.outcome = done if isinstance(done, Exception) else (done,)
