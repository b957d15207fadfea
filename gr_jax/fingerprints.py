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
