"""The versions of a run that online updates make, and the one that is served.

  RUN/                    version 0000: the run itself
  RUN/versions/0001/      the same stages after an update
  RUN/versions/current    the name of the version that is served

A version is a folder that `load_artefacts` reads like any run. It is served
once `current` names it, which is written whole or not at all and after
everything else: whatever an update was doing when its process ended, the
version before is what the pointer names. What a server reads never changes
afterwards, so it may do so while the next one is being made.
"""

import json
import pathlib
import re

from gr_jax import atomic

VERSIONS = "versions"
FIRST = "0000"
"""The name of the run itself."""

RECORD = "version.json"
"""What is known of a version; the last of its files that is written."""

# The last of them that is there is what a version goes on from.
_TRAINED = ("alignment", "generator")
_CURRENT = "current"
_NAME = re.compile(r"\d{4,}")


def folder(run: pathlib.Path, name: str) -> pathlib.Path:
  """The folder of a version, there or not; `run` itself for `FIRST`."""
  return run if name == FIRST else run / VERSIONS / name


def name_of(directory: pathlib.Path) -> str:
  """The name of the version in a folder, `FIRST` for a run's own."""
  directory = directory.absolute()
  inside = directory.parent.name == VERSIONS
  return directory.name if inside and _NAME.fullmatch(directory.name) else FIRST


def names(run: pathlib.Path) -> list[str]:
  """The names of all folders of versions, oldest first, `FIRST` included."""
  found = (run / VERSIONS).glob("*")
  later = [path.name for path in found if _NAME.fullmatch(path.name)]
  return [FIRST, *sorted(later, key=int)]


def current_name(run: pathlib.Path) -> str:
  """The name of the version that is served.

  Raises:
    ValueError: the pointer is damaged, or names a folder that is gone.
  """
  path = run / VERSIONS / _CURRENT
  if not path.is_file():
    return FIRST
  name = path.read_text().strip()
  if not _NAME.fullmatch(name) or not folder(run, name).is_dir():
    raise ValueError(
      f"{path} names version {name[:40]!r}, which is not there; write one of "
      f"{', '.join(names(run))} into it."
    )
  return name


def current(run: pathlib.Path) -> pathlib.Path:
  """The folder of the version that is served; `run` where nothing says so.

  Raises:
    ValueError: as `current_name` and `check_run`.
  """
  name = current_name(run)
  check_run(run, name)
  return folder(run, name)


def run_fingerprint(run: pathlib.Path) -> str:
  """The fingerprint of the last stage of a run itself; "" if none is whole."""
  for stage in _TRAINED:
    found = _read(run / stage / "manifest.json", "fingerprint")
    if found:
      return found
  return ""


def check_run(run: pathlib.Path, name: str) -> None:
  """Checks that a version goes on from the run that is there now.

  Raises:
    ValueError: the run was run anew since.
  """
  known = name != FIRST and _read(folder(run, name) / RECORD, "run")
  if known and known != run_fingerprint(run):
    raise ValueError(
      f"{run} was run anew, and its version {name} is of the run before: move "
      f"{run / VERSIONS} away."
    )


def _read(path: pathlib.Path, key: str) -> str:
  try:
    return json.loads(path.read_text()).get(key, "")
  except (OSError, ValueError, AttributeError):
    # Whoever reads more of it says what is wrong with it.
    return ""


def point_to(run: pathlib.Path, name: str) -> None:
  """Makes a version the one that is served from the next load on.

  Raises:
    ValueError: there is no such version.
    OSError: the pointer could not be written; the old one is there still.
  """
  if name not in names(run):
    raise ValueError(
      f"there is no version {name!r}; there are {', '.join(names(run))}."
    )
  path = run / VERSIONS / _CURRENT
  path.parent.mkdir(parents=True, exist_ok=True)
  atomic.write_text(path, f"{name}\n")
