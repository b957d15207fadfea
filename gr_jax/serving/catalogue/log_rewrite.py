"""A log written anew: the state that its changes come to, and nothing else.

The new log is one file, the state in front of the changes, as Redis writes its
append-only file anew. It is made beside the old one, which goes on taking
changes; those are written behind the state before the new file takes the old
one's name. That rename is the only step that counts: killed before it, the old
log is there and what was begun is removed at the next start; killed after it,
the new one is. The mark beside them may then still be that of the old one,
whose identity the header of the new one names.
"""

import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import Any, Protocol

from gr_jax.serving.catalogue.log_files import unfinished, write_all
from gr_jax.serving.catalogue.log_lines import (
  Header,
  Place,
  compact_json,
  started,
)

_LINES = 200  # Written at once.


class State(Protocol):
  """What the changes of a log come to."""

  def records(self) -> Iterator[dict[str, Any]]:
    """Records that fold to it."""
    ...


class LogRewrite:
  """The file that will take the place of a log.

  Args:
    log: the log's path.
    state: what its changes come to; nobody changes it.
    before: the end of the log at that state.

  Attributes:
    path: the file.
    place: its end.
  """

  def __init__(self, log: pathlib.Path, state: State, before: Place):
    self.path = unfinished(log)
    self.place = Place()
    self._state, self._before = state, before
    self._later: list[bytes] = []

  def follow(self, texts: list[bytes]) -> None:
    """Notes records that the log takes meanwhile."""
    self._later += texts

  def write(self) -> None:
    """Writes the state, and what came meanwhile; on disk when it returns.

    Raises:
      OSError: it cannot be written; `abandon` it.
    """
    texts = [compact_json(record) for record in self._state.records()]
    old = self._before.header
    header = Header(
      os.urandom(8).hex(),
      self._before.number,
      len(texts),
      old.identity if old else "",
    )
    first, self.place = started(header)
    with self.path.open("wb") as file:
      file.write(first)
      rest = iter(texts)
      while part := list(itertools.islice(rest, _LINES)):
        data, self.place = self.place.after(part)
        file.write(data)
      file.flush()
      os.fsync(file.fileno())
    self._state_size = self.place.size
    del self._state

  @property
  def state_size(self) -> int:
    """Bytes of header and state."""
    return self._state_size

  def finish(self) -> int:
    """Writes what came meanwhile; returns the open file.

    Raises:
      OSError: it cannot be written; `abandon` it.
    """
    data, place = self.place.after(self._later)
    file = os.open(self.path, os.O_RDWR | os.O_APPEND)
    try:
      write_all(file, data)
      os.fsync(file)
    except BaseException:
      os.close(file)
      raise
    self.place = place
    return file

  def abandon(self) -> None:
    self.path.unlink(missing_ok=True)


def create(log: pathlib.Path) -> None:
  """Begins a log, whole from its first line on."""
  new = unfinished(log)
  with new.open("wb") as file:
    file.write(started(Header(os.urandom(8).hex()))[0])
    file.flush()
    os.fsync(file.fileno())
  os.replace(new, log)
