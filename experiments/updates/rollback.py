"""Back to a version that was served before."""

import pathlib

from experiments.updates import record, tell
from experiments.updates.switching import (
  Server,
  check_run,
  one_at_a_time,
  switch,
)
from gr_jax.retrieval import versions

_MARK = "rolled_back"


def roll_back(run: pathlib.Path, name: str, server: Server) -> str:
  """Serves an older version again, by default the parent of the current one.

  The versions that it leaves behind are marked: the commands that made them do
  not serve them again, until they are named.

  Args:
    run: the workdir of the run.
    name: a version that is there; "" = the parent.
    server: reloads the version.

  Raises:
    ValueError: there is nothing to go back to, or no such version.
  """
  check_run(run)
  with one_at_a_time(run):
    current = versions.current_name(run)
    if not name:
      found = record.load(run, current)
      if found is None:
        raise ValueError(f"{run} serves the run itself; nothing is before it.")
      name = found.parent
    if name not in versions.names(run):
      raise ValueError(
        f"there is no version {name!r}; there are "
        f"{', '.join(versions.names(run))}."
      )
    if name != versions.FIRST and record.load(run, name) is None:
      raise ValueError(f"version {name} is not finished.")
    versions.check_run(run, name)
    kept = _chain(run, name)
    left = [one for one in _chain(run, current) if one not in kept]
    # First, so that what ends the process here does not undo it either.
    new = [one for one in left if not rolled_back(run, one)]
    for one in new:
      (versions.folder(run, one) / _MARK).touch()
    try:
      switch(run, name, server)
    except tell.NotSwitched:
      _unmark(run, new)
      raise
    except tell.NotReached:
      _unmark(run, kept)  # The pointer names it.
      raise
    _unmark(run, kept)
    return name


def rolled_back(run: pathlib.Path, name: str) -> bool:
  """Whether a version was served and then left by a rollback."""
  return (versions.folder(run, name) / _MARK).is_file()


def _unmark(run: pathlib.Path, names: list[str]) -> None:
  for name in names:
    (versions.folder(run, name) / _MARK).unlink(missing_ok=True)


def _chain(run: pathlib.Path, name: str) -> list[str]:
  """The version and those before it, as far as they are there."""
  found: list[str] = []
  while name != versions.FIRST:
    found.append(name)
    try:
      one = record.load(run, name)
    except ValueError:
      break  # A damaged version is one to go back from.
    if one is None:
      break
    name = one.parent
  return found
