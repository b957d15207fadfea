"""Stages of other values, which are kept and come back with them.

  RUN/generator                    the stage as the last command wanted it
  RUN/.stages/generator-FINGERPRINT  as other values made it, or half made it
  RUN/.stages/generator-FINGERPRINT.damaged  with a file that was not whole

A folder is moved by renaming it: whatever moment a run is killed at, every
stage lies in one place or the other. Nothing in `.stages` is ever removed but
for another of the same name; all of it may be, to free room.
"""

import json
import pathlib
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from gr_jax import atomic, manifests
from gr_jax.parallel import hosts

STARTED = "started.json"
"""The mark of a stage that is under way, or was when it was cut off."""

KEPT = ".stages"
"""The folder of what is kept, in that of the run."""

_DAMAGED = ".damaged"
_MOST_NAMED = 3


def find(final: pathlib.Path, wanted: str) -> pathlib.Path | None:
  """The folder of a finished stage whose files are whole; None without one.

  Args:
    final: the folder that it has while it is in its place.
    wanted: its fingerprint.
  """
  for folder in (final, _kept(final, wanted)):
    found = manifest(folder, wanted)
    if found and manifests.defect(folder, found) is None:
      return folder
  return None


def put_in_place(final: pathlib.Path, wanted: str) -> None:
  """Brings the stage back that was kept, and sees to what is damaged.

  What lies in `final` afterwards is as it was written, or is no finished stage.
  One line says what was damaged.
  """
  kept = _kept(final, wanted)
  if kept.is_dir() and wanted != _fingerprint(final):
    set_aside(final)
    atomic.rename(kept, final)
    say(final.name, f"back from {kept}")
  try:
    found = manifests.read(final)
  except ValueError as error:
    path = final / manifests.MANIFEST
    atomic.rename(path, path.with_name(path.name + _DAMAGED))
    say(final.name, f"{error}: it counts as not finished.")
    return
  if found is None or found["fingerprint"] != wanted:
    return
  wrong = manifests.defect(final, found)
  if wrong and manifests.can_go_on(final, found):
    begun = {"fingerprint": wanted, "seconds": found["seconds"]}
    begun["commit"] = found["commit"]
    atomic.write_text(final / STARTED, json.dumps(begun))
    (final / manifests.MANIFEST).unlink()
    say(final.name, f"{final}/{wrong}: made again from the last checkpoint.")
  elif wrong:
    aside = _free(kept.with_name(kept.name + _DAMAGED))
    atomic.rename(final, aside)
    say(
      final.name, f"{final}/{wrong}: made anew, the damaged is kept as {aside}."
    )
  elif wrong := manifests.defect_of_unread(final, found):
    say(final.name, f"{final}/{wrong}; nothing reads it any more.")


def announce(final: pathlib.Path, section: Mapping[str, Any]) -> None:
  """Says which values of a finished stage have changed, before it is remade.

  Args:
    final: its folder.
    section: what it is to be made by.
  """
  try:
    found = manifests.read(final)
  except ValueError:
    found = None
  if found:
    aside = _kept(final, found["fingerprint"])
    say(
      final.name,
      f"made anew, {_change(found['section'], section)}; what is there is kept "
      f"as {aside} and comes back with its values ({aside.parent} may be "
      "removed).",
    )


def set_aside(final: pathlib.Path) -> pathlib.Path | None:
  """Moves a stage out of the way; returns where it is, None without one."""
  if not final.is_dir():
    return None
  aside = _free(_kept(final, _fingerprint(final) or "unknown"))
  atomic.rename(final, aside)
  return aside


def leave_out(final: pathlib.Path) -> None:
  """Sets a stage aside that a recipe does not have: nothing is to read it."""
  aside = set_aside(final) if hosts.is_first() else None
  if aside:
    say(final.name, f"this recipe has none; what is there is kept as {aside}.")


def put_back(aside: pathlib.Path, final: pathlib.Path) -> None:
  """Undoes `set_aside`, unless there is a checkpoint to go on from."""
  if any((final / "checkpoints").glob("*")):
    return
  shutil.rmtree(final)
  atomic.rename(aside, final)
  say(final.name, f"nothing is changed, {final} is as it was.")


def manifest(folder: pathlib.Path, wanted: str) -> dict[str, Any] | None:
  """The manifest of a fingerprint; None of another, and of a damaged one."""
  try:
    found = manifests.read(folder)
  except ValueError:
    return None
  return found if found and found["fingerprint"] == wanted else None


def started(folder: pathlib.Path, wanted: str) -> dict[str, Any] | None:
  """The mark of a stage that was cut off, by its fingerprint."""
  try:
    found = json.loads((folder / STARTED).read_text())
    # Older code wrote no commit.
    found = {"commit": "unknown", "seconds": 0.0} | found
  except (FileNotFoundError, ValueError, TypeError):
    return None
  return found if found.get("fingerprint") == wanted else None


def say(name: str, text: str) -> None:
  """Prints what became of a stage, once for all hosts."""
  if hosts.is_first():
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def _kept(final: pathlib.Path, mark: str) -> pathlib.Path:
  return final.parent / KEPT / f"{final.name}-{mark}"


def _free(path: pathlib.Path) -> pathlib.Path:
  """The path, with nothing there, in a folder that is."""
  shutil.rmtree(path, ignore_errors=True)
  path.parent.mkdir(exist_ok=True)
  return path


def _fingerprint(folder: pathlib.Path) -> str | None:
  """That of a stage, finished or cut off; None where no mark says so."""
  for mark in (manifests.MANIFEST, STARTED):
    try:
      return str(json.loads((folder / mark).read_text())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
      continue
  return None


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
  """What differs in a section, in a few words."""
  # As manifests have it.
  new = json.loads(json.dumps(dict(new), default=list))
  old, new = _flat(old), _flat(new)
  changed = [
    f"{key} {old.get(key, 'unset')} -> {new.get(key, 'unset')}"
    for key in sorted(old.keys() | new.keys())
    if old.get(key, "unset") != new.get(key, "unset")
  ]
  if not changed:
    return "since what it is made from has changed"
  more = len(changed) - _MOST_NAMED
  listed = changed[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
  return f"since {', '.join(listed)}"


def _flat(section: Mapping[str, Any], before: str = "") -> dict[str, Any]:
  flat = {}
  for key, value in section.items():
    if isinstance(value, Mapping):
      flat |= _flat(value, f"{before}{key}.")
    else:
      flat[f"{before}{key}"] = value
  return flat
