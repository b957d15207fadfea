"""How much of a log was acknowledged, in a small file beside it.

A log that was cut between two lines looks like one that was never longer, and
a cut inside of a line looks like a write that was torn. So the end of what was
acknowledged is written down each time, as Elasticsearch does beside its
translog: an end of the log before the mark is a cut, one behind it is torn.

The argument for what is synced when. An append syncs the log, writes the mark
without syncing it, and is acknowledged. The mark is thus never ahead of what
is safe in the log: it cannot accuse a log that is whole. It is exact whatever
happens to the process, whose writes the system keeps. Only where power is lost
may it be behind; it is synced once a second while changes come, so by a second
of them (and the system's own delay once they stop). All that was acknowledged
is in the log even then, for that was synced. What goes unseen is the two
together, a loss of power and then, before the next start, somebody who cuts the
changes of that second. An append costs one sync; with a mark that is synced
each time it would be two.

Two copies are written in turn, a page apart, so that one is always whole. The
file also carries the lock of the server: it stays where it is when the log is
compacted or moved.
"""

import contextlib
import fcntl
import os
import pathlib
import time
import zlib
from typing import NamedTuple

from gr_jax.serving.catalogue.log_lines import Damaged, LogReader, Place

_PAGE = 4096
_SLOT = 128
_LATEST = 1.0  # Seconds between two syncs of the mark.


class Mark(NamedTuple):
  """The end of what was acknowledged.

  Attributes:
    identity: that of the log.
    number: the number of changes.
    size: bytes of the log.
    checksum: that of the last line.
    closed: what stands behind was refused, and could not be cut off.
    turn: higher in the later one of two copies.
  """

  identity: str = ""
  number: int = 0
  size: int = 0
  checksum: int = 0
  closed: int = 0
  turn: int = 0


def mark_path(log: pathlib.Path) -> pathlib.Path:
  return log.with_name(f"{log.name}.ack")


def read_mark(log: pathlib.Path) -> Mark:
  """The mark of a log; an empty one where there is none."""
  path = mark_path(log)
  return _newest(path.read_bytes()) if path.exists() else Mark()


def check_end(reader: LogReader, mark: Mark) -> None:
  """Checks that a log has all that was acknowledged.

  Args:
    reader: one that is done and that watched `mark.size`.
    mark: the mark beside the log.

  Raises:
    Damaged: it was cut, or replaced by another file.
  """
  path, place = reader.path, reader.place
  header = place.header
  if header is not None and place.number < header.base:
    raise Damaged(
      path, f"{path} was cut in the state that it begins with", "cut"
    )
  if not mark.identity:
    return
  owners = (header.identity, header.previous) if header else ()
  if mark.identity not in owners and place.size:
    raise Damaged(
      path,
      f"{path} is not the log that {mark_path(path).name} belongs to: it was "
      "replaced by another file",
      "replaced",
    )
  if place.number < mark.number or not place.size:
    raise Damaged(
      path,
      f"{path} was cut: it ends after change {place.number}, and "
      f"{mark.number} were acknowledged",
      "cut",
    )
  exact = header is not None and mark.identity == header.identity
  if exact and reader.checksums.get(mark.size) != mark.checksum:
    raise Damaged(
      path,
      f"change {mark.number} of {path} is not the one that was acknowledged: "
      "the file was replaced by another of its copies",
      "replaced",
    )


class MarkFile:
  """The mark of a log that is being written, and its lock.

  Raises:
    ValueError: another process holds it.
    OSError: it cannot be written.

  Attributes:
    path: the file.
    file: its descriptor.
    mark: what stands there.
  """

  def __init__(self, log: pathlib.Path):
    self.path = mark_path(log)
    self.file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
      fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      os.close(self.file)
      raise ValueError(
        f"{log} is in use by another server: stop that one, or give this one "
        "its own --log."
      ) from None
    content = os.pread(self.file, 2 * _PAGE, 0)
    self.mark = _newest(content)
    if len(content) < 2 * _PAGE:
      # Room for both copies, so that a full disk takes a mark.
      with contextlib.suppress(OSError):
        os.pwrite(self.file, content.ljust(2 * _PAGE, b"\0"), 0)
    self._synced = -_LATEST

  def write(self, place: Place, *, closed: bool = False) -> None:
    """Marks the end of what is acknowledged.

    Raises:
      OSError: it could not be written, and may be behind.
    """
    assert place.header is not None
    turn = self.mark.turn + 1
    identity, size = place.header.identity, place.size
    number, checksum = place.number, place.checksum
    mark = Mark(identity, number, size, checksum, int(closed), turn)
    os.pwrite(self.file, _slot(mark), _PAGE * (turn % 2))
    self.mark = mark
    if time.monotonic() - self._synced >= _LATEST:
      self.sync()

  def sync(self) -> None:
    os.fsync(self.file)
    self._synced = time.monotonic()

  def close(self) -> None:
    os.close(self.file)


def _slot(mark: Mark) -> bytes:
  text = " ".join(map(str, mark)).encode()
  return (b"%08x %s\n" % (zlib.crc32(text), text)).ljust(_SLOT)


def _newest(content: bytes) -> Mark:
  found = Mark()
  for start in (0, _PAGE):
    checksum, _, rest = content[start : start + _SLOT].partition(b" ")
    text = rest.partition(b"\n")[0]
    if checksum == b"%08x" % zlib.crc32(text) and text:
      identity, *numbers = text.decode().split(" ")
      mark = Mark(identity, *map(int, numbers))
      found = max(found, mark, key=lambda each: each.turn)
  return found
