"""The files of a log, and what makes their content and names last."""

import itertools
import os
import pathlib

from gr_jax import atomic


def unfinished(log: pathlib.Path) -> pathlib.Path:
  """The file of a rewrite that is under way, or was when it was killed."""
  return log.with_name(f"{log.name}.new")


def write_all(file: int, data: bytes) -> None:
  """Writes all of it, in as many writes as the system takes.

  Raises:
    OSError: it could not; some of it may be written.
  """
  rest = memoryview(data)
  while rest:
    rest = rest[os.write(file, rest) :]


def keep_tail(path: pathlib.Path, size: int) -> pathlib.Path:
  """Copies what stands behind `size` bytes of a log to a file beside it."""
  kept = next(
    found
    for number in itertools.count(1)
    if not (found := path.with_name(f"{path.name}.{number}.torn")).exists()
  )
  with path.open("rb") as file, kept.open("xb") as copy:
    file.seek(size)
    while part := file.read(1 << 20):
      copy.write(part)
    copy.flush()
    os.fsync(copy.fileno())
  atomic.sync(path.parent)
  return kept
