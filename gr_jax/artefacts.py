"""What a stage leaves on disk, and when it need not run again.

Each stage owns one folder under the working directory. Its `manifest.json`,
written last, holds a fingerprint of the stage's configuration, of the
artefacts it was made from and of the library's version. A folder whose
fingerprint matches is used as it is; any other is made anew. A folder without
a manifest was cut off, and nothing reads it. Every stage tells on stderr what
became of it. Of several hosts the first makes what one can make; all train.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gr_jax
from gr_jax.parallel import hosts

_MANIFEST = "manifest.json"
_STARTED = "started.json"


@dataclasses.dataclass(frozen=True)
class Artefact:
  """A finished stage.

  Attributes:
    directory: what it left.
    fingerprint: of everything that it depends on.
    seconds: what making it took, over all runs that it needed.
  """

  directory: pathlib.Path
  fingerprint: str
  seconds: float


def fingerprint(
  name: str, section: Mapping[str, Any], inputs: Sequence[str]
) -> str:
  """SHA-256 of stage, configuration, inputs and library version."""
  text = json.dumps(
    [name, section, list(inputs), gr_jax.__version__],
    sort_keys=True,
    default=list,
  )
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def fingerprint_files(name: str) -> str:
  """Changes when the file or one under the folder `name` does; "" for none.

  It reads names, sizes and times of change, not the content.
  """
  path = pathlib.Path(name)
  if not name or not path.exists():
    return ""
  files = [path] if path.is_file() else path.rglob("*")
  stats = sorted(
    (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
    for file in files
    if file.is_file()
  )
  return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]


def write_json(path: pathlib.Path, content: Any) -> None:
  """Writes all of it or nothing."""
  temporary = path.with_suffix(".tmp")
  try:
    temporary.write_text(json.dumps(content, indent=1, default=list))
    os.replace(temporary, path)
  except OSError:
    temporary.unlink(missing_ok=True)
    raise


def _remove(directory: pathlib.Path) -> None:
  """Marks first: a folder that is half removed must not pass for whole."""
  for file in (_MANIFEST, _STARTED):
    (directory / file).unlink(missing_ok=True)
  shutil.rmtree(directory, ignore_errors=True)


def _matching(directory: pathlib.Path, file: str, mark: str) -> dict | None:
  path = directory / file
  if not path.exists():
    return None
  found = json.loads(path.read_text())
  return found if found["fingerprint"] == mark else None


def build(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  make: Callable[[pathlib.Path], None],
) -> Artefact:
  """The artefact of a stage that is made in one go.

  `make` fills a folder beside the final one, which then takes its place.

  Args:
    workdir: of the run.
    name: of the stage and its folder.
    section: configuration that the stage reads.
    inputs: fingerprints of what it is made from.
    make: fills the folder it is given.
  """
  final = workdir / name
  mark = fingerprint(name, section, inputs)
  found = _found(final, mark)
  if not found and hosts.is_first():
    _make_whole(final, mark, section, make)
  return found or _made(final, mark)


def _make_whole(
  final: pathlib.Path,
  mark: str,
  section: Mapping[str, Any],
  make: Callable[[pathlib.Path], None],
) -> None:
  name = final.name
  partial = final.with_name(f"{name}.partial")
  shutil.rmtree(partial, ignore_errors=True)
  partial.mkdir(parents=True)
  _say(name, "started")
  start = time.perf_counter()
  try:
    make(partial)
  except BaseException:
    shutil.rmtree(partial, ignore_errors=True)
    raise
  _remove(final)
  os.replace(partial, final)
  _finish(final, mark, section, time.perf_counter() - start)


def build_resumable(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  make: Callable[[pathlib.Path], None],
) -> Artefact:
  """As `build`, for a stage that goes on from what it left when cut off.

  `make` works in the final folder; what lies there of an older configuration
  is removed first.
  """
  final = workdir / name
  mark = fingerprint(name, section, inputs)
  if found := _found(final, mark):
    return found
  started = _matching(final, _STARTED, mark)
  if started:
    _say(name, f"goes on in {final}")
  else:
    started = {"fingerprint": mark, "seconds": 0.0}
    _begin(final, started)
  start = time.perf_counter()
  with _clock(final, started, start):
    make(final)
  if hosts.is_first():
    seconds = started["seconds"] + time.perf_counter() - start
    _finish(final, mark, section, seconds)
  return _made(final, mark)


def _begin(final: pathlib.Path, started: Mapping[str, Any]) -> None:
  """An empty folder that the stage's work goes into."""
  hosts.wait_for_all(f"{final.name} begins")
  if hosts.is_first():
    _remove(final)
    final.mkdir(parents=True)
    write_json(final / _STARTED, started)
    _say(final.name, "started")
  hosts.wait_for_all(f"{final.name} begun")


@contextlib.contextmanager
def _clock(
  final: pathlib.Path, started: Mapping[str, Any], start: float
) -> Iterator[None]:
  """Counts the time of a run that ends early with an error."""
  try:
    yield
  except BaseException:
    seconds = started["seconds"] + time.perf_counter() - start
    # A full disk may be what ended it; that error is the one to tell.
    with contextlib.suppress(OSError):
      if hosts.is_first():
        write_json(final / _STARTED, {**started, "seconds": seconds})
    raise


def _found(final: pathlib.Path, mark: str) -> Artefact | None:
  """The stage as it is; all hosts have looked before one changes it."""
  found = _matching(final, _MANIFEST, mark)
  hosts.wait_for_all(f"{final.name} looked for")
  if found is None:
    return None
  _say(final.name, f"loaded from {final}")
  return Artefact(final, mark, found["seconds"])


def _made(final: pathlib.Path, mark: str) -> Artefact:
  """The stage after it was made, on every host."""
  hosts.wait_for_all(f"{final.name} made")
  found = _matching(final, _MANIFEST, mark)
  if found is None:
    raise ValueError(
      f"{final} is not there for this host; several hosts need one --workdir "
      "that all of them see."
    )
  return Artefact(final, mark, found["seconds"])


def _finish(
  final: pathlib.Path, mark: str, section: Mapping[str, Any], seconds: float
) -> None:
  manifest = {
    "fingerprint": mark,
    "seconds": seconds,
    "section": section,
    "version": gr_jax.__version__,
  }
  write_json(final / _MANIFEST, manifest)
  _say(final.name, f"done in {seconds:.1f} s")


def _say(name: str, text: str) -> None:
  if hosts.is_first():
    print(f"{name}: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(workdir: pathlib.Path) -> Iterator[None]:
  """One run at a time in a working directory.

  Raises:
    ValueError: where another process holds it.
  """
  if not hosts.is_first():
    yield
    return
  workdir.mkdir(parents=True, exist_ok=True)
  with (workdir / ".lock").open("w") as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      raise ValueError(
        f"{workdir} is in use by another run; wait for it or choose another "
        "--workdir."
      ) from None
    yield
