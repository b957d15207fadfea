"""Files that only their owner can have written, for formats that run code."""

import os
import pathlib


def others_can_write(place: pathlib.Path | int) -> bool:
  """Whether a user other than this one and root can change what is there.

  Args:
    place: a file or a folder that exists, or the descriptor of one.
  """
  if not hasattr(os, "getuid"):  # Windows: its folders of a user are private.
    return False
  found = os.stat(place)
  return found.st_uid not in (0, os.getuid()) or bool(found.st_mode & 0o022)


def read_private(path: pathlib.Path) -> bytes:
  """The content of a file.

  Raises:
    OSError: there is none, or another user can change it.
  """
  with path.open("rb") as file:
    if others_can_write(file.fileno()):
      raise PermissionError(f"{path} can be written by other users")
    return file.read()
