"""What is known of a finished stage, written last into its folder.

`manifest.json` holds the fingerprint and the section that the stage was made
by, the checksums of all its files and one of itself. Manifests of older
versions have no checksums; their stages are taken as they are.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from gr_jax import atomic, checksums

MANIFEST = "manifest.json"

_LEAST = {"fingerprint", "section"}
_FILES, _OWN = "files", "checksum"
# What a training goes on from. Nothing reads it where the parameters that it
# led to are kept, so that it may be removed.
_CHECKPOINTS, _PARAMS = "checkpoints/", "params/"


def write(folder: pathlib.Path, content: Mapping[str, Any]) -> None:
  """Finishes a stage: its files are on disk, and then its manifest.

  Args:
    folder: that of the stage.
    content: `fingerprint`, `section` and whatever else is known of it.
  """
  (folder / MANIFEST).unlink(missing_ok=True)
  atomic.sync_tree(folder)
  whole = dict(content) | {_FILES: checksums.of_files(folder)}
  # As it will be read: the checksum is of that.
  whole = json.loads(json.dumps(whole, default=list))
  whole[_OWN] = _checksum(whole)
  atomic.write_text(folder / MANIFEST, json.dumps(whole, indent=1))


def read(folder: pathlib.Path) -> dict[str, Any] | None:
  """The manifest of a stage; None where there is none.

  Raises:
    ValueError: it is damaged; the message names the file.
  """
  path = folder / MANIFEST
  try:
    found = json.loads(path.read_text())
    if not isinstance(found, dict) or not found.keys() >= _LEAST:
      raise ValueError(f"it lacks {' and '.join(sorted(_LEAST))}")
    sealed = _FILES in found or _OWN in found
    if sealed and found.get(_OWN) != _checksum(found):
      raise ValueError("its checksum is another one")
  except FileNotFoundError:
    return None
  except ValueError as error:
    reason = " ".join(str(error).split())
    raise ValueError(f"{path} is damaged ({reason})") from error
  return found


def defect(folder: pathlib.Path, manifest: Mapping[str, Any]) -> str | None:
  """Names a file of a stage that is not as it was written; None of none.

  Checkpoints are not looked at where the parameters are kept beside them.
  """
  listed = manifest.get(_FILES, {})
  unread = _unread(listed)
  return checksums.first_change(
    folder, {name: listed[name] for name in listed if name not in unread}
  )


def defect_of_unread(
  folder: pathlib.Path, manifest: Mapping[str, Any]
) -> str | None:
  """Names a changed file that nothing reads any more; None of none."""
  unread = _unread(manifest.get(_FILES, {}))
  there = {name: unread[name] for name in unread if (folder / name).is_file()}
  return checksums.first_change(folder, there)


def can_go_on(folder: pathlib.Path, manifest: Mapping[str, Any]) -> bool:
  """Whether all but the parameters is whole, which checkpoints give again."""
  listed = manifest.get(_FILES, {})
  kept = {
    name: listed[name]
    for name in listed
    if not name.startswith((_CHECKPOINTS, _PARAMS))
  }
  checkpoints = any(name.startswith(_CHECKPOINTS) for name in listed)
  return checkpoints and checksums.first_change(folder, kept) is None


def _unread(listed: Mapping[str, Any]) -> dict[str, Any]:
  if not any(name.startswith(_PARAMS) for name in listed):
    return {}
  return {k: v for k, v in listed.items() if k.startswith(_CHECKPOINTS)}


def _checksum(content: Mapping[str, Any]) -> int:
  rest = {key: value for key, value in content.items() if key != _OWN}
  return checksums.of_text(json.dumps(rest, sort_keys=True))
