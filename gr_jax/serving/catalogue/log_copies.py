"""A log that is checked, copied while it grows, or mended as far as can be."""

import os
import pathlib
import time

from gr_jax import atomic
from gr_jax.serving.catalogue.log_files import (
  keep_tail,
  unfinished,
)
from gr_jax.serving.catalogue.log_lines import Damaged, LogReader, Place
from gr_jax.serving.catalogue.log_mark import (
  Mark,
  MarkFile,
  check_end,
  mark_path,
  read_mark,
)

_TRIES = 5
_PAUSE = 0.1  # Seconds.
_BLOCK = 1 << 20


def whole(path: pathlib.Path) -> LogReader:
  """Reads all of a log and what was acknowledged of it.

  Returns:
    The reader, which is done.

  Raises:
    Damaged: what was acknowledged is not all there, or is not as it was.
  """
  mark = read_mark(path)
  reader = LogReader(path, [mark.size])
  for _ in reader:
    pass
  check_end(reader, mark)
  return reader


def repair(path: pathlib.Path) -> str:
  """Cuts a log off before the first line that is wrong.

  Nothing is destroyed: what is cut off is kept in a file first.

  Returns:
    What was lost, for people.

  Raises:
    ValueError: a server has it open.
  """
  lock = MarkFile(path)
  try:
    mark = lock.mark
    reader = LogReader(path, [mark.size])
    said = [f"{path} is whole; nothing was changed."]
    try:
      for _ in reader:
        pass
      check_end(reader, mark)
      if not reader.tail:
        return said[0]
      said = [f"{path} had a torn last write, never acknowledged"]
    except Damaged as error:
      said = [str(error).partition(". Put a backup")[0]]
    place = reader.place
    if place.lines and place.header and place.number < place.header.base:
      raise ValueError(
        f"{path} is damaged in the state that it begins with, without which "
        "its changes say little: put a backup in its place."
      )
    if os.path.getsize(path) > place.size:
      kept = keep_tail(path, place.size)
      os.truncate(path, place.size)
      said.append(f"what stood from there on is kept in {kept}")
    said.append(f"{path} has {place.number} changes now")
    if mark.number > place.number:
      said.append(
        f"changes {place.number + 1} to {mark.number} were acknowledged and "
        "are LOST"
      )
    _acknowledge(lock, path, place)
    return ". ".join(said) + "."
  finally:
    lock.close()


def _acknowledge(lock: MarkFile, path: pathlib.Path, place: Place) -> None:
  """Lets the mark say what there is now."""
  if place.header is None:
    # A log of before, or nothing at all: it is begun anew at the next start.
    os.ftruncate(lock.file, 0)
  else:
    lock.write(place)
  lock.sync()
  atomic.sync(path.parent)


def back_up(path: pathlib.Path, to: pathlib.Path) -> Place:
  """Copies a log, as it was at one moment, and its mark.

  Args:
    path: a log; a server may write it, and compact it meanwhile.
    to: the copy; its folder must exist.

  Returns:
    The end of the copy.

  Raises:
    Damaged: the log is not whole.
    FileExistsError: there is such a file.
  """
  for each in (to, mark_path(to)):
    if each.exists():
      raise FileExistsError(17, "File exists", str(each))
  new = unfinished(to)
  try:
    for left in range(_TRIES, 0, -1):
      mark = read_mark(path)
      last = left == 1 or not mark.identity
      _copy(path, new, os.path.getsize(path) if last else mark.size)
      reader = LogReader(new, [mark.size])
      for _ in reader:
        pass
      header = reader.place.header
      # Otherwise it was compacted between the two: look again.
      if last or (header and header.identity == mark.identity):
        check_end(reader, mark)
        break
      time.sleep(_PAUSE)
    os.truncate(new, reader.place.size)
    _mark_copy(to, reader.place, mark)
    os.replace(new, to)
    atomic.sync(to.parent)
  finally:
    new.unlink(missing_ok=True)
  return reader.place


def _mark_copy(to: pathlib.Path, place: Place, mark: Mark) -> None:
  if not mark.identity:
    return
  copy = MarkFile(to)
  try:
    copy.write(place)
    copy.sync()
  finally:
    copy.close()


def _copy(path: pathlib.Path, to: pathlib.Path, size: int) -> None:
  with path.open("rb") as file, to.open("wb") as copy:
    while size and (part := file.read(min(size, _BLOCK))):
      copy.write(part)
      size -= len(part)
    copy.flush()
    os.fsync(copy.fileno())
