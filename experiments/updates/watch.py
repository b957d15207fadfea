"""A folder into which new events are put, one update after the other.

`DAY.csv` holds events, `DAY.items.csv` the items that they name and nobody knew
before. Files are learned in the order of their names, whatever is there
already learned being passed over by its content. A file counts as whole when
its size has stood still from one look to the next; names that begin with a dot
are not looked at, so a file may also be written beside and renamed.

What is no fault of a file is tried again, with pauses (`backoff`): a full disk,
another update of the run, a server that refuses. Later files wait behind it. A
server that is away keeps nothing waiting: it switches when it is there again. A
line is printed where something changes, not at every try.
"""

import contextlib
import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

from experiments.updates import tell
from experiments.updates.backoff import MOST, Backoff
from experiments.updates.prepare import Sources
from experiments.updates.switching import InUse
from gr_jax import command_line
from gr_jax.data.imports.read import ENDINGS

_ITEMS = ".items"
_TRANSIENT = (OSError, tell.NotSwitched, tell.NotReached, InUse)


def watch(
  folder: pathlib.Path,
  sources: Sources,
  learn: Callable[[Sources], object],
  *,
  every: float,
  until: Callable[[], bool] = lambda: False,
) -> None:
  """Learns every file that comes, until it is interrupted.

  A file that cannot be learned costs one line, and the next one its turn.

  Args:
    folder: the folder.
    sources: all but the files.
    learn: makes an update; of a file that is learned already it tells the
      server alone.
    every: seconds between two looks, and of the first pause.
    until: called after every look; True ends it.

  Raises:
    FileNotFoundError: there is no such folder.
  """
  if not folder.is_dir():
    raise FileNotFoundError(f"there is no folder {folder} to watch.")
  files = _Files(sources, learn, Backoff(every))
  while True:
    files.look(folder)
    if until():
      return
    time.sleep(every)


class _Files:
  """What became of the files of a folder."""

  def __init__(
    self, sources: Sources, learn: Callable[[Sources], object], pause: Backoff
  ):
    self._sources, self._learn, self._pause = sources, learn, pause
    self._before: dict[pathlib.Path, tuple] = {}
    self._done: dict[pathlib.Path, tuple] = {}
    self._said: dict[pathlib.Path, str] = {}
    # The one that waits for another try, and the one that was learned while
    # the server was away.
    self._stuck: dict[pathlib.Path, tuple] = {}
    self._untold: pathlib.Path | None = None

  def look(self, folder: pathlib.Path) -> None:
    """Learns what is whole and new, in order."""
    now = _states(folder)
    # Of a later file the events would make earlier ones late.
    for path, found in now.items():
      if self._done.get(path) == found:
        continue
      if self._before.get(path) != found:
        break
      if self._stuck.get(path) == found and self._pause.waiting:
        break
      if not self._try(path, found):
        break
    self._before = now
    path = self._untold
    if path in now and not self._pause.waiting:
      self._try(path, now[path])

  def _try(self, path: pathlib.Path, found: tuple) -> bool:
    """Whether the next file has its turn."""
    error = self._error(path)
    self._stuck = {}
    again = isinstance(error, _TRANSIENT)
    if again:
      self._pause.failed()
    elif error is None:
      self._pause.worked()
    if isinstance(error, tell.NotReached):
      self._untold = path
    elif again:
      self._stuck, self._untold = {path: found}, None
      self._done.pop(path, None)
      return False
    elif error is None or path == self._untold:
      self._untold = None
    self._done[path] = found
    return True

  def _error(self, path: pathlib.Path) -> Exception | None:
    """Learns a file; says what is wrong, unless that was said last."""
    sources = dataclasses.replace(
      self._sources, events=path, items=items_of(path)
    )
    try:
      self._learn(sources)
    except command_line.EXPECTED as error:
      text = command_line.one_line(error)
      if isinstance(error, _TRANSIENT):
        text = (
          f"{text.rstrip('.')}; it is tried again, at first soon and at least "
          f"every {MOST:g} s."
        )
      if self._said.get(path) != text:
        print(f"watch: {text}", file=sys.stderr, flush=True)
      self._said[path] = text
      return error
    self._said.pop(path, None)
    return None


def _states(folder: pathlib.Path) -> dict[pathlib.Path, tuple]:
  found = {}
  for path in files_of(folder):
    # It may be gone by now, and come back.
    with contextlib.suppress(FileNotFoundError):
      found[path] = state(path)
  return found


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
