"""Changes of the catalogue on disk: an acknowledged one is never lost.

One line a change, `CRC32 JSON`, appended and fsynced before it is acknowledged.
A last line that was cut off in writing, which has no end, was never
acknowledged: it is dropped, with a message. Any other broken line means that
the file was damaged, and nothing is served from it.
"""

import fcntl
import io
import json
import os
import pathlib
import sys
import zlib
from typing import Any


def _line(text: bytes) -> bytes:
  return b"%08x %s\n" % (zlib.crc32(text), text)


def _changes(path: pathlib.Path) -> tuple[list[dict[str, Any]], int]:
  """Returns all whole changes, and how many bytes they take."""
  changes, size = [], 0
  # Not splitlines(), to which a carriage return is an end as well.
  lines = io.BytesIO(path.read_bytes()).readlines()
  for number, line in enumerate(lines, 1):
    text = line[9:-1]
    if line == _line(text):
      changes.append(json.loads(text))
      size += len(line)
    elif line.endswith(b"\n"):
      raise ValueError(
        f"line {number} of {len(lines)} of {path} is damaged: restore the "
        "file, or move it away to start without it."
      )
    else:
      print(
        f"log: dropped a torn last record of {path} ({len(line)} bytes); it "
        "was never acknowledged.",
        file=sys.stderr,
        flush=True,
      )
  return changes, size


def read_changes(path: pathlib.Path) -> list[dict[str, Any]]:
  """All changes of a log, oldest first; none where there is no file.

  A server may have it open and go on writing.

  Raises:
    ValueError: the file is damaged.
  """
  return _changes(path)[0] if path.is_file() else []


class ItemLog:
  """Reads the changes that are there and appends new ones.

  Args:
    path: created where missing; its folder must exist.

  Raises:
    ValueError: the file is damaged, or another process holds it.
    OSError: it cannot be read or written.

  Attributes:
    path: the file.
    records: the number of changes in it.
  """

  def __init__(self, path: pathlib.Path):
    self.path = path
    self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
      self._lock()
      changes, self._size = _changes(path)
      self.records = len(changes)
      os.ftruncate(self._file, self._size)
      os.fsync(self._file)
      _sync_folder(path.parent)
    except BaseException:
      os.close(self._file)
      raise

  def _lock(self) -> None:
    try:
      fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      raise ValueError(
        f"{self.path} is in use by another server; give this one its own --log."
      ) from None

  def append(self, *changes: dict[str, Any]) -> None:
    """Returns when all are on disk; after an OSError none of them is."""
    texts = (json.dumps(each, separators=(",", ":")) for each in changes)
    lines = b"".join(_line(text.encode()) for text in texts)
    if not lines:
      return
    try:
      rest = memoryview(lines)
      while rest:
        rest = rest[os.write(self._file, rest) :]
      os.fsync(self._file)
    except OSError:
      # What was not acknowledged must not come back at the next start.
      os.ftruncate(self._file, self._size)
      raise
    self._size += len(lines)
    self.records += len(changes)

  def changes(self) -> list[dict[str, Any]]:
    """All changes, oldest first."""
    return _changes(self.path)[0]

  def close(self) -> None:
    """No change comes after this; more calls do nothing."""
    if self._file >= 0:
      os.fsync(self._file)
      os.close(self._file)
      self._file = -1


def _sync_folder(folder: pathlib.Path) -> None:
  """A new file is lasting only once its folder's entry is."""
  file = os.open(folder, os.O_RDONLY)
  try:
    os.fsync(file)
  finally:
    os.close(file)
