"""Files that are never seen half-written, also after a loss of power."""

import errno
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
  sync_folder(path.parent)


def rename(source: pathlib.Path, target: pathlib.Path) -> None:
  """Renames a file or folder; it has its new name on disk afterwards."""
  os.replace(source, target)
  for folder in {source.parent, target.parent}:
    sync_folder(folder)


def sync_tree(folder: pathlib.Path) -> None:
  """Returns when all files below a folder are on disk, and their names."""
  for root, _, files in os.walk(folder):
    for name in files:
      sync(os.path.join(root, name))
    sync_folder(pathlib.Path(root))


def sync_folder(folder: pathlib.Path) -> None:
  """Returns when the names in a folder are on disk.

  Nothing is done on file systems that do not offer it.
  """
  try:
    sync(folder)
  except OSError as error:
    if error.errno not in (errno.EINVAL, errno.ENOTSUP):
      raise


def sync(path: str | pathlib.Path) -> None:
  """Returns when a file, or the names in a folder, are on disk.

  Raises:
    OSError: the file system does not offer it, or it failed.
  """
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
