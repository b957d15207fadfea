"""What became of a file of events when it came before.

A file is known by its content. It was learned by a version that is served; or
by one that was rolled back, and it is not learned again behind the back of
whoever did that; or it was tried and refused, which other options may change.
"""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from experiments.updates import record
from experiments.updates.record import Record
from experiments.updates.rollback import rolled_back
from gr_jax.retrieval import versions


def learned_by(chain: Sequence[Record], events: dict[str, Any]) -> str:
  """The version of a chain that learned a file of events; "" if none did.

  Its items do not matter: events are what is learned.
  """
  for one in chain:
    if one.events[0]["sha256"] == events["sha256"]:
      return one.name
  return ""


def left_with(run: pathlib.Path, events: dict[str, Any]) -> Record | None:
  """The last version that learned a file and was rolled back, if any.

  Whatever its parent was: of several versions that were rolled back at once,
  all but the first had parents that are not served any more.
  """
  found = None
  for one in _of_now(run):
    if one.events[0]["sha256"] == events["sha256"] and rolled_back(
      run, one.name
    ):
      found = one
  return found


def finished(
  run: pathlib.Path, parent: str, mark: str, settings: dict[str, Any]
) -> Record | None:
  """The version that was made of the same files, if it answers for them now.

  Args:
    run: the workdir of the run.
    parent: the version that is served.
    mark: names the files.
    settings: the options.

  Returns:
    One that is fit to be served and was made of this parent, or one that was
    refused under the same options, whatever its parent: others may do better.
  """
  refused = None
  for one in _of_now(run):
    if one.mark != mark:
      continue
    if not one.reasons and one.parent == parent:
      return one
    if one.reasons and one.settings == settings:
      refused = one
  return refused


def _of_now(run: pathlib.Path) -> Iterator[Record]:
  """The finished versions of the run that is there now, oldest first."""
  now = versions.run_fingerprint(run)
  for name in versions.names(run):
    found = record.load(run, name)
    if found is not None and found.run in ("", now):
      yield found
