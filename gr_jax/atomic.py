"""Files that are never seen half-written."""

import os
import pathlib
import threading


def write_text(path: pathlib.Path, text: str) -> None:
  """Writes a file in UTF-8 or leaves the one that is there."""
  write_bytes(path, text.encode())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
  """Writes a file beside `path` and puts it in its place when it is on disk.

  Raises:
    OSError: it could not be written; what was there is there still.
  """
  path = pathlib.Path(path)
  # Two writers of one path, threads or processes, do not share their files.
  writer = f"{os.getpid()}.{threading.get_ident()}"
  beside = path.with_name(f".{path.name}.{writer}")
  try:
    with beside.open("wb") as file:
      file.write(content)
      file.flush()
      os.fsync(file.fileno())
    os.replace(beside, path)
  except BaseException:
    beside.unlink(missing_ok=True)
    raise
