"""What is known of a version: its parent, its events, how it did.

`version.json` is written when all stages of a version are on disk. A folder
without it was cut off: `begun.json` says by which update, which goes on there.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from gr_jax import artefacts
from gr_jax.retrieval import versions

_BEGUN = "begun.json"


@dataclasses.dataclass(frozen=True)
class Record:
  """A finished version.

  Attributes:
    name: the name of its folder.
    parent: the version that it was trained on from.
    events: the files that it learned: name, SHA-256 and rows.
    settings: the options of the update.
    reasons: why it is not served; none where it is fit to be.
    figures: what was measured, see `verdict`.
    commit: the commit of the code that made it.
    machine: the machine that did.
    seconds: the time that it took, from the last start on.
    run: the fingerprint of the run; "" of versions that did not keep it.
  """

  name: str
  parent: str
  events: Sequence[dict[str, Any]]
  settings: dict[str, Any]
  reasons: Sequence[str]
  figures: dict[str, Any]
  commit: str
  machine: Any
  seconds: float
  run: str = ""

  @property
  def mark(self) -> str:
    """Names the files that were learned."""
    return mark_of(self.events)


def mark_of(events: Sequence[dict[str, Any]]) -> str:
  """One hash of the contents of files, whatever they are called."""
  text = " ".join(each["sha256"] for each in events)
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def describe_file(path: pathlib.Path) -> dict[str, Any]:
  """Name and SHA-256 of a file.

  Raises:
    FileNotFoundError: there is no such file.
  """
  if not path.is_file():
    raise FileNotFoundError(f"No file {path}.")
  with path.open("rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
  return {"file": path.name, "sha256": digest}


def save(run: pathlib.Path, record: Record) -> None:
  """Finishes a version: it is whole from here on."""
  folder = versions.folder(run, record.name)
  artefacts.write_json(folder / versions.RECORD, dataclasses.asdict(record))


def load(run: pathlib.Path, name: str) -> Record | None:
  """The record of a version; None of the run itself and of what was cut off.

  Raises:
    ValueError: the file is damaged.
  """
  path = versions.folder(run, name) / versions.RECORD
  if name == versions.FIRST or not path.is_file():
    return None
  try:
    return Record(**json.loads(path.read_text()))
  except (ValueError, TypeError) as error:
    raise ValueError(
      f"{path} is damaged ({error}); go back to an older version with "
      "--rollback=NAME, and remove that folder."
    ) from error


def chain(run: pathlib.Path, name: str) -> list[Record]:
  """The records from the first update to a version, oldest first.

  Raises:
    ValueError: a version between is gone, or was never finished.
  """
  found: list[Record] = []
  while name != versions.FIRST:
    record = load(run, name)
    if record is None:
      raise ValueError(
        f"version {name} is not finished or gone; serve another one with "
        f"--rollback=NAME, one of {', '.join(versions.names(run))}."
      )
    found.append(record)
    name = record.parent
  return found[::-1]


def begin(run: pathlib.Path, name: str, content: dict[str, Any]) -> None:
  """Makes the folder of a version that is not finished."""
  folder = versions.folder(run, name)
  folder.mkdir(parents=True)
  artefacts.write_json(folder / _BEGUN, content)


def begun(run: pathlib.Path, name: str) -> dict[str, Any] | None:
  """What a version that was cut off began with; None where nothing says so."""
  path = versions.folder(run, name) / _BEGUN
  return json.loads(path.read_text()) if path.is_file() else None
