"""Events of users, kept on disk and answered from memory.

They are in a log of their own beside that of the items, numbered and chained
like it: an event that was acknowledged is there after a restart. What a run
was trained on is not in it; the server knows of a user what it was sent.
"""

import pathlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gr_jax.serving.catalogue.compaction import Compaction
from gr_jax.serving.catalogue.group_commit import GroupCommit
from gr_jax.serving.catalogue.item_log import ItemLog
from gr_jax.serving.catalogue.service import NotWritten
from gr_jax.serving.users.history_state import Event, HistoryState

SUFFIX = ".events"


class EventLog(ItemLog):
  """A log of events, which takes only those."""

  def _folded(self, records: Iterable[Mapping[str, Any]]) -> Any:
    return HistoryState(records)


class Histories:
  """The newest events of each user.

  Args:
    path: the log; it is made at the first event.
    compact_bytes: as in `ServiceConfig`.

  Raises:
    Damaged, ValueError, OSError: as `ItemLog`.
  """

  def __init__(self, path: pathlib.Path, *, compact_bytes: int = 16_000_000):
    self._path, self._compact_bytes = path, compact_bytes
    self._lock = threading.Lock()
    self._log: EventLog | None = None
    self._closed = False
    self._commit = GroupCommit(self._committed, self._lock)
    # Also where only its mark is left: it says that the log is gone.
    if any(path.parent.glob(f"{path.name}*")):
      self._open()

  def _open(self) -> EventLog:
    if self._closed:
      raise OSError(f"{self._path} is closed")
    if self._log is None:
      self._log = EventLog(self._path)
      self._compaction = Compaction(self._log, self._lock, self._compact_bytes)
    return self._log

  @property
  def size(self) -> int:
    """Events in memory."""
    return self._log.state.size if self._log else 0

  @property
  def trouble(self) -> str | None:
    """Why no event can be taken; None while all is well."""
    return self._log.trouble() if self._log else None

  def add(self, events: Sequence[Event]) -> None:
    """Returns when all are on disk.

    Raises:
      NotWritten: none of them is.
    """
    self._commit({"events": list(events)})

  def remove(self, user_id: str) -> int:
    """Forgets a user, and returns how many events that were.

    The file is compacted for it: where the disk allows that, nothing of the
    user is in it when this returns.

    Raises:
      NotWritten: they are still there.
    """
    known = len(self.of(user_id))
    if known:
      self._commit({"leave": [user_id]})
      self._compaction.try_to_run()
    return known

  def of(self, user_id: str) -> tuple[Event, ...]:
    """The events of a user, oldest first."""
    return self._log.state.of(user_id) if self._log else ()

  def _committed(self, records: Sequence[dict[str, Any]]) -> list[Any]:
    try:
      self._open().append(*records)
    except (OSError, ValueError) as error:
      text = getattr(error, "strerror", None) or str(error)
      return [NotWritten(text)] * len(records)
    self._compaction.start_if_due()
    return [None] * len(records)

  def close(self) -> None:
    """Ends the log; no event comes after this."""
    with self._lock:
      self._closed = True
      if self._log:
        self._log.close()
