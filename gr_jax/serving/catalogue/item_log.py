"""Changes of the catalogue on disk: an acknowledged one is never lost unseen.

One line a change, appended and fsynced before it is acknowledged. Lines are
numbered and chained (`log_lines`), and the end of what was acknowledged is
kept beside them (`log_mark`). What was cut, put in twice, moved, taken out or
edited is named at the start, and nothing is served from it. A last write that
was torn was never acknowledged: the log goes on before it, and its bytes are
kept. While it is served, a log that was moved, replaced, deleted or written by
others takes no changes.

`compact` writes it anew, as the state that its changes come to, while changes
go on; see `log_rewrite`. Files beside the log: `.ack` the mark, `.new` a
rewrite under way, `.N.torn` what was cut off, `.old` a log of before.
"""

import contextlib
import errno
import os
import pathlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gr_jax import atomic
from gr_jax.serving.catalogue.log_files import (
  keep_tail,
  unfinished,
  write_all,
)
from gr_jax.serving.catalogue.log_lines import (
  Damaged,
  LogReader,
  compact_json,
)
from gr_jax.serving.catalogue.log_mark import MarkFile, check_end, read_mark
from gr_jax.serving.catalogue.log_rewrite import LogRewrite, create
from gr_jax.serving.catalogue.log_state import LogState


def read_changes(path: pathlib.Path) -> Iterator[dict[str, Any]]:
  """All changes of a log, oldest first; none where there is no file.

  A server may have it open and go on writing. A compacted log gives records of
  its state first, which fold to the same.

  Raises:
    Damaged: what was acknowledged is not all there, or is not as it was.
  """
  path = path.resolve()
  # Before the log: it grows meanwhile.
  mark = read_mark(path)
  if not path.exists() and not mark.identity:
    return
  reader = LogReader(path, [mark.size])
  yield from reader
  check_end(reader, mark)


class ItemLog:
  """Reads the changes that are there and appends new ones.

  Args:
    path: created where missing; its folder must exist.

  Raises:
    Damaged: what was acknowledged is not all there, or is not as it was.
    ValueError: another process holds it.
    OSError: it cannot be read or written.

  Attributes:
    path: the file.
    place: its end.
    state: what all changes come to.
    state_size: the bytes that a compaction left last.
  """

  def __init__(self, path: pathlib.Path):
    # A rewrite replaces the file, not a link to it.
    self.path = path = path.resolve()
    self.state = self._folded(())
    self._file, self._failed = -1, ""
    self._rewrite: LogRewrite | None = None
    self._switching = threading.Lock()
    self._mark = MarkFile(path)
    try:
      self._open()
    except BaseException:
      if self._file >= 0:
        os.close(self._file)
      self._mark.close()
      raise

  def _folded(self, changes: Iterable[Mapping[str, Any]]) -> Any:
    return LogState(changes)

  @property
  def records(self) -> int:
    """The number of changes since it began, through compactions."""
    return self.place.number

  def _open(self) -> None:
    unfinished(self.path).unlink(missing_ok=True)
    mark = self._mark.mark
    if not self.path.exists() or (
      not self.path.stat().st_size and not mark.identity
    ):
      if mark.identity:
        raise Damaged(
          self.path,
          f"{self.path} is gone, with {mark.number} changes that were "
          f"acknowledged. Remove {self._mark.path} as well to start without "
          "them",
          "gone",
        )
      create(self.path)
    reader = LogReader(self.path, [mark.size])
    self.state = self._folded(reader)
    check_end(reader, mark)
    self.place, self.state_size = reader.place, reader.state_size
    if mark.closed and self.place.size > mark.size:
      # What the log refused and could not take back; read the rest again.
      self._cut(mark.size, "was refused when the disk failed")
      self._open()
      return
    if reader.tail:
      self._cut(self.place.size, "is a torn last write, never acknowledged")
    self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
    if reader.unended:
      os.ftruncate(self._file, self.place.size - 1)
      write_all(self._file, b"\n")
    os.fsync(self._file)
    if self.place.header is None:
      self._upgrade()
    atomic.sync(self.path.parent)
    try:
      self._mark.write(self.place)
      self._mark.sync()
    except OSError:
      # A full disk is no reason not to start: the mark is behind, no more. One
      # that ends the log must go, or the next start cuts what comes now.
      if mark.closed:
        raise

  def _cut(self, size: int, why: str) -> None:
    """Cuts the end off and keeps it in a file."""
    kept = keep_tail(self.path, size)
    os.truncate(self.path, size)
    _say(
      f"what stood at the end of {self.path} {why}; it is kept in {kept.name}."
    )

  def _upgrade(self) -> None:
    """Writes a log of before in lines that are chained."""
    old = self.path.with_name(f"{self.path.name}.old")
    old.unlink(missing_ok=True)
    os.link(self.path, old)
    self.compact()
    _say(
      f"{self.path} is numbered and chained now ({self.records} changes); the "
      f"file of before is kept as {old.name}."
    )

  def trouble(self) -> str | None:
    """Why no change can be acknowledged; None while all is well."""
    with self._switching:
      if self._failed:
        return self._failed
      if self._file < 0:
        return f"{self.path} is closed"
      for file, path in (
        (self._file, self.path),
        (self._mark.file, self._mark.path),
      ):
        try:
          same = os.path.samestat(os.fstat(file), os.stat(path))
        except OSError as error:
          return f"{path} cannot be found ({error.strerror}): put it back"
        if not same:
          return f"{path} was replaced by another file: put it back"
      return None

  def _check(self) -> None:
    why = self.trouble()
    if why is None and os.fstat(self._file).st_size != self.place.size:
      why = self._failed = (
        f"{self.path} was changed by another program: stop the server, and run "
        f"`python -m gr_jax.serving.log check {self.path}`"
      )
    if why is not None:
      raise OSError(errno.EIO, why)

  def append(self, *changes: dict[str, Any]) -> None:
    """Returns when all are on disk; after an OSError none of them is."""
    if not changes:
      return
    self._check()
    texts = [compact_json(each) for each in changes]
    data, place = self.place.after(texts)
    try:
      write_all(self._file, data)
      os.fsync(self._file)
    except OSError:
      self._take_back()
      raise
    self.place = place
    # It may be behind, and on a disk that fails the next append says so.
    with contextlib.suppress(OSError):
      self._mark.write(place)
    for change in changes:
      self.state.add(change)
    if self._rewrite:
      self._rewrite.follow(texts)

  def _take_back(self) -> None:
    """What was not acknowledged must not come back at the next start."""
    try:
      os.ftruncate(self._file, self.place.size)
    except OSError as error:
      self._failed = (
        f"{self.path} could not be written, nor could the rest of the write be "
        f"taken back ({error.strerror}): start the server again"
      )
      with contextlib.suppress(OSError):
        self._mark.write(self.place, closed=True)
        self._mark.sync()
      return
    with contextlib.suppress(OSError):
      os.fsync(self._file)

  def compact(self) -> None:
    """Writes the log anew; nobody appends meanwhile.

    Raises:
      OSError: it cannot be written; the log is as it was.
    """
    rewrite = self.begin_rewrite()
    try:
      rewrite.write()
      self.finish_rewrite(rewrite)
    except BaseException:
      self.abandon_rewrite(rewrite)
      raise

  def begin_rewrite(self) -> LogRewrite:
    """A rewrite of the log as it is; changes go on while it is written."""
    rewrite = LogRewrite(self.path, self.state.copied(), self.place)
    self._rewrite = rewrite
    return rewrite

  def abandon_rewrite(self, rewrite: LogRewrite) -> None:
    """The log stays as it is."""
    self._rewrite = None
    rewrite.abandon()

  def finish_rewrite(self, rewrite: LogRewrite) -> None:
    """Puts a rewrite in the place of the log; nobody appends meanwhile.

    Raises:
      OSError: it cannot; `abandon_rewrite` it.
    """
    self._check()
    file = rewrite.finish()
    with self._switching:
      try:
        os.replace(rewrite.path, self.path)
      except OSError:
        os.close(file)
        raise
      os.close(self._file)
      self._file, self._rewrite = file, None
      self.place, self.state_size = rewrite.place, rewrite.state_size
      try:
        atomic.sync(self.path.parent)
        self._mark.write(self.place)
        self._mark.sync()
      except OSError as error:
        # The name may be that of the old log again after a loss of power.
        self._failed = (
          f"{self.path} was compacted, and its folder cannot be synced "
          f"({error.strerror}): start the server again"
        )

  def close(self) -> None:
    """No change comes after this; more calls do nothing."""
    if self._file >= 0:
      os.fsync(self._file)
      os.close(self._file)
      self._file = -1
      with contextlib.suppress(OSError):
        self._mark.sync()
      self._mark.close()


def _say(text: str) -> None:
  print(f"log: {text}", file=sys.stderr, flush=True)
