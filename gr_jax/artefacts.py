"""The folders that stages leave on disk and reuse.

Each stage owns one folder under the working directory. Its `manifest.json`,
written last, holds a fingerprint of the stage's configuration, of the
artefacts it was made from and of the library's version, and the checksums of
its files. A folder whose fingerprint matches and whose files are whole is used
as it is; for any other values the stage is made anew, and what it was before
is kept (`kept_stages`). A folder without a manifest was cut off, and nothing
reads it. The manifest also names the commit and the machine that made the
stage; they are no part of the fingerprint, so a new commit retrains nothing.
Every stage reports on stderr what became of it. Of several hosts the first
makes what one can make; all train and evaluate.
"""

import contextlib
import dataclasses
import fcntl
import functools
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gr_jax
from gr_jax import atomic, kept_stages, manifests, provenance
from gr_jax.fingerprints import fingerprint
from gr_jax.kept_stages import say
from gr_jax.parallel import hosts


@dataclasses.dataclass(frozen=True)
class Artefact:
  """A finished stage.

  Attributes:
    directory: The folder with its files.
    fingerprint: A hash of everything that it depends on.
    seconds: The time that it took, over all runs that it needed.
    commit: The commit of the code that made it; several, with commas between,
      where a stage was cut off and finished by other code.
  """

  directory: pathlib.Path
  fingerprint: str
  seconds: float
  commit: str = "unknown"


def write_json(path: pathlib.Path, content: Any) -> None:
  """Writes all of it or nothing."""
  atomic.write_text(path, json.dumps(content, indent=1, default=list))


@functools.cache  # What is imported stays as it was when the process began.
def _commit() -> str:
  return provenance.commit()


def build(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  make: Callable[[pathlib.Path], None],
) -> Artefact:
  """Loads the artefact of a stage, or makes it in one go on the first host.

  `make` fills a folder beside the final one, which then takes its place.

  Args:
    workdir: The folder of the run.
    name: The name of the stage and of its folder.
    section: The configuration that the stage reads.
    inputs: The fingerprints of everything it is made from.
    make: Fills the folder that it gets.
  """

  def alone(directory: pathlib.Path) -> None:
    if hosts.is_first():
      make(directory)

  return build_by_all(workdir, name, section, inputs, alone)


def build_by_all(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  make: Callable[[pathlib.Path], None],
) -> Artefact:
  """As `build`, with `make` on every host, so that they can share its work.

  Only the first host may write into the folder that all of them get. Arguments
  are those of `build`.
  """
  final = workdir / name
  wanted = fingerprint(name, section, inputs)
  if found := _load(final, wanted):
    return found
  partial = final.with_name(f"{name}.partial")
  if hosts.is_first():
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    kept_stages.announce(final, section)
    say(name, "started")
  start = time.perf_counter()
  try:
    make(partial)
  except BaseException:
    if hosts.is_first():
      shutil.rmtree(partial, ignore_errors=True)
    raise
  if hosts.is_first():
    seconds = time.perf_counter() - start
    _finish(partial, wanted, section, inputs, seconds, _commit())
    kept_stages.set_aside(final)
    atomic.rename(partial, final)
  return _load_finished(final, wanted)


def build_resumable(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  make: Callable[[pathlib.Path], None],
) -> Artefact:
  """Builds a stage that goes on from what it left when it was cut off.

  `make` works in the final folder; what lies there of other values is set
  aside first, and put back where `make` fails before its first checkpoint.
  Arguments are those of `build`.
  """
  final = workdir / name
  wanted = fingerprint(name, section, inputs)
  if found := _load(final, wanted):
    return found
  started, before = kept_stages.started(final, wanted), None
  if started:
    say(name, f"goes on in {final}")
    if _commit() not in started["commit"].split(", "):
      started["commit"] += f", {_commit()}"
  else:
    started = {"fingerprint": wanted, "seconds": 0.0, "commit": _commit()}
    before = _begin(final, started, section)
  start = time.perf_counter()
  try:
    make(final)
  except BaseException as error:
    # A full disk may be what ended it; that error is the one to report.
    with contextlib.suppress(OSError):
      if hosts.is_first():
        started["seconds"] += time.perf_counter() - start
        write_json(final / kept_stages.STARTED, started)
        if isinstance(error, Exception) and before:
          kept_stages.put_back(before, final)
    raise
  if hosts.is_first():
    seconds = started["seconds"] + time.perf_counter() - start
    _finish(final, wanted, section, inputs, seconds, started["commit"])
  return _load_finished(final, wanted)


def finished(
  workdir: pathlib.Path,
  name: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
) -> pathlib.Path | None:
  """Returns the folder of a stage that is made already, None of another.

  Arguments are those of `build`, which would load it.
  """
  wanted = fingerprint(name, section, inputs)
  return kept_stages.find(workdir / name, wanted)


def _begin(
  final: pathlib.Path, started: Mapping[str, Any], section: Mapping[str, Any]
) -> pathlib.Path | None:
  """Makes the empty folder of the stage; returns where the one before is."""
  hosts.wait_for_all(f"{final.name} begins")
  before = None
  if hosts.is_first():
    kept_stages.announce(final, section)
    before = kept_stages.set_aside(final)
    final.mkdir(parents=True)
    write_json(final / kept_stages.STARTED, started)
    say(final.name, "started")
  hosts.wait_for_all(f"{final.name} begun")
  return before


def _load(final: pathlib.Path, wanted: str) -> Artefact | None:
  """Loads the stage as it is; all hosts have looked before one changes it."""
  hosts.wait_for_all(f"{final.name} wanted")
  if hosts.is_first():
    kept_stages.put_in_place(final, wanted)
  hosts.wait_for_all(f"{final.name} in its place")
  found = _read(final, wanted)
  hosts.wait_for_all(f"{final.name} looked for")
  if found:
    say(final.name, f"loaded from {final}")
  return found


def _load_finished(final: pathlib.Path, wanted: str) -> Artefact:
  """Loads the stage on every host after it was made."""
  hosts.wait_for_all(f"{final.name} made")
  found = _read(final, wanted)
  if found is None:
    raise ValueError(
      f"{final} is not there for this host; several hosts need one --workdir "
      "that all of them see."
    )
  return found


def _read(final: pathlib.Path, wanted: str) -> Artefact | None:
  found = kept_stages.manifest(final, wanted)
  if found is None:
    return None
  seconds, commit = found.get("seconds", 0.0), found.get("commit", "unknown")
  return Artefact(final, wanted, seconds, commit)


def _finish(
  folder: pathlib.Path,
  wanted: str,
  section: Mapping[str, Any],
  inputs: Sequence[str],
  seconds: float,
  commit: str,
) -> None:
  manifest = {
    "fingerprint": wanted,
    "seconds": seconds,
    "section": section,
    "inputs": list(inputs),
    "version": gr_jax.__version__,
    "commit": commit,
    "machine": provenance.machine(),
  }
  manifests.write(folder, manifest)
  say(folder.name.removesuffix(".partial"), f"done in {seconds:.1f} s")


@contextlib.contextmanager
def locked(workdir: pathlib.Path) -> Iterator[None]:
  """Lets one run at a time into a working directory.

  Folders that it makes are removed where a run leaves nothing in them.

  Raises:
    ValueError: another process works in it.
  """
  if not hosts.is_first():
    yield
    return
  made = [path for path in (workdir, *workdir.parents) if not path.exists()]
  workdir.mkdir(parents=True, exist_ok=True)
  with (workdir / ".lock").open("w") as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      raise ValueError(
        f"{workdir} is in use by another run; wait for it or choose another "
        "--workdir."
      ) from None
    with _without_empty(made):
      yield


@contextlib.contextmanager
def _without_empty(made: Sequence[pathlib.Path]) -> Iterator[None]:
  """Removes the folders, innermost first, that hold at most a lock."""
  try:
    yield
  finally:
    if made and [path.name for path in made[0].iterdir()] == [".lock"]:
      (made[0] / ".lock").unlink()
    with contextlib.suppress(OSError):
      for path in made:
        path.rmdir()
