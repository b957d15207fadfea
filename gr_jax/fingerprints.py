"""Hashes of what a stage is made from.

Two runs of one fingerprint would make the same, so that the second need not.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import gr_jax


def fingerprint(
  name: str, section: Mapping[str, Any], inputs: Sequence[str]
) -> str:
  """Returns SHA-256 of stage, configuration, inputs and library version."""
  text = json.dumps(
    [name, section, list(inputs), gr_jax.__version__],
    sort_keys=True,
    default=list,
  )
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def fingerprint_files(name: str) -> str:
  """Changes when the file or one under the folder `name` does; "" for none.

  Of the content, and of the names below the folder: however `name` is spelt,
  and wherever a copy of it lies.
  """
  path = pathlib.Path(name)
  if not name or not path.exists():
    return ""
  files = [path] if path.is_file() else path.rglob("*")
  found = sorted(
    (file.relative_to(path).as_posix(), _digest(file))
    for file in files
    if file.is_file()
  )
  return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def _digest(file: pathlib.Path) -> str:
  with file.open("rb") as opened:
    return hashlib.file_digest(opened, "sha256").hexdigest()
