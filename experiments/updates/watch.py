"""A folder into which new events are put, one update after the other.

`DAY.csv` holds events, `DAY.items.csv` the items that they name and nobody knew
before. Files are learned in the order of their names, whatever is there
already learned being passed over by its content. A file counts as whole when
its size has stood still from one look to the next; names that begin with a dot
are not looked at, so a file may also be written beside and renamed.
"""

import contextlib
import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

from experiments.updates import tell
from experiments.updates.prepare import Sources
from gr_jax import command_line
from gr_jax.data.imports.read import ENDINGS

_ITEMS = ".items"
# Nothing is wrong with the file: the next look tries it again.
_TRANSIENT = (OSError, tell.NotSwitched)


def watch(
  folder: pathlib.Path,
  sources: Sources,
  learn: Callable[[Sources], object],
  *,
  every: float,
  until: Callable[[], bool] = lambda: False,
) -> None:
  """Learns every file that comes, until it is interrupted.

  A file that cannot be learned costs one line, and the next one its turn. Where
  that is no fault of the file, as with a full disk or a server that refuses, it
  is tried again at every look, and later ones wait.

  Args:
    folder: the folder.
    sources: all but the files.
    learn: makes an update.
    every: seconds between two looks.
    until: called after every look; True ends it.

  Raises:
    FileNotFoundError: there is no such folder.
  """
  if not folder.is_dir():
    raise FileNotFoundError(f"there is no folder {folder} to watch.")
  done: dict[pathlib.Path, tuple] = {}
  before: dict[pathlib.Path, tuple] = {}
  failed: dict[pathlib.Path, str] = {}
  while True:
    now = {}
    for path in files_of(folder):
      # It may be gone by now, and come back.
      with contextlib.suppress(FileNotFoundError):
        now[path] = state(path)
    # Of a later file the events would make earlier ones late.
    for path, found in now.items():
      if done.get(path) == found:
        continue
      if before.get(path) != found:
        break
      try:
        learn(dataclasses.replace(sources, events=path, items=items_of(path)))
      except command_line.EXPECTED as error:
        text = command_line.one_line(error)
        if failed.get(path) != text:
          print(f"watch: {text}", file=sys.stderr)
        failed[path] = text
        if isinstance(error, _TRANSIENT):
          break
      else:
        failed.pop(path, None)
      done[path] = found
    before = now
    if until():
      return
    time.sleep(every)


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
  """The files of events, by name."""
  return sorted(
    path
    for path in folder.iterdir()
    if path.is_file()
    and not path.name.startswith(".")
    and _ending(path)
    and not _stem(path).endswith(_ITEMS)
  )


def items_of(events: pathlib.Path) -> pathlib.Path | None:
  """The file of the new items beside one of events, if there is one."""
  wanted = _stem(events) + _ITEMS
  return next(
    (path for path in _readable(events.parent) if _stem(path) == wanted), None
  )


def state(events: pathlib.Path) -> tuple:
  """What changes while a file, or that of its items, is being written."""
  paths = [path for path in (events, items_of(events)) if path is not None]
  stats = [path.stat() for path in paths]
  return tuple((each.st_size, each.st_mtime_ns) for each in stats)


def _readable(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  return (path for path in sorted(folder.iterdir()) if _ending(path))


def _ending(path: pathlib.Path) -> str:
  """The ending of a kind that can be read; "" of others."""
  name = path.name.lower()
  return next((each for each in ENDINGS if name.endswith(each)), "")


def _stem(path: pathlib.Path) -> str:
  ending = _ending(path)
  return path.name[: len(path.name) - len(ending)] if ending else path.name
