"""Which steps of a run are whole: their files are as they were written.

Orbax gives a step its name when all of it is on disk, and has no sums of what
is in the arrays: numbers that changed on disk are read without a word. So a
list of all files with their sizes and CRC-32 is left in the folder of a step
[OURS], and a step that differs from its list is set aside.
"""

import concurrent.futures
import json
import pathlib
import re
import shutil
import sys
import zlib
from collections.abc import Iterable

from gr_jax.atomic import write_text

FILES = "files.json"
"""The list of a step's files, in its folder."""

DAMAGED = ".damaged"
"""The end of the name that a step gets which is not whole."""

# A step without a list was cut off before it, or is older than the lists.
_LEAST = ("_CHECKPOINT_METADATA", "state/_METADATA")
_CUT_OFF = r"\d+\.orbax-checkpoint-tmp.*"
_PIECE = 1 << 24


def seal(step: pathlib.Path) -> None:
  """Leaves the list of the files of a step that was just written."""
  paths = sorted(path for path in step.rglob("*") if path.is_file())
  names = [path.relative_to(step).as_posix() for path in paths]
  write_text(step / FILES, json.dumps(dict(zip(names, _contents(paths)))))


def defect(step: pathlib.Path) -> str | None:
  """What is wrong with the files of a step; None of a whole one."""
  try:
    listed = json.loads((step / FILES).read_text())
  except FileNotFoundError:
    missing = [name for name in _LEAST if not (step / name).is_file()]
    return f"{missing[0]} is missing" if missing else None
  except (OSError, ValueError) as error:
    return f"{FILES} cannot be read ({_one_line(error)})"
  paths = [step / name for name in listed]
  for path, (name, (size, _)) in zip(paths, listed.items()):
    if not path.is_file():
      return f"{name} is missing"
    if path.stat().st_size != size:
      return f"{name} has {path.stat().st_size:,} bytes of {size:,}"
  try:
    found = _contents(paths)
  except OSError as error:
    return f"a file cannot be read ({_one_line(error)})"
  for name, content in zip(listed, found):
    if content != listed[name]:
      return f"{name} is not what was written (another CRC-32)"
  return None


def set_damaged_aside(directory: pathlib.Path) -> None:
  """Renames the steps that are not whole, and says each in one line.

  Args:
    directory: the folder of the steps; nothing else may write there.
  """
  steps = {int(path.name): path for path in _named(directory, r"\d+")}
  defects = {step: defect(path) for step, path in steps.items()}
  whole = [step for step, found in defects.items() if found is None]
  lines = {}
  for step, path in steps.items():
    if defects[step] is not None:
      aside = path.with_name(f"{step}{DAMAGED}")
      shutil.rmtree(aside, ignore_errors=True)
      path.rename(aside)
      lines[step] = f"{defects[step]}; it is kept as {aside}"
  # Orbax takes these away.
  for path in _named(directory, _CUT_OFF):
    step = int(path.name.split(".")[0])
    if step not in whole:
      lines.setdefault(step, "it was cut off while it was written")
  for step, line in sorted(lines.items()):
    print(
      f"checkpoint {step} is skipped, the last whole one is "
      f"{max(whole, default='none')}: {line}",
      file=sys.stderr,
      flush=True,
    )


def _named(directory: pathlib.Path, name: str) -> list[pathlib.Path]:
  return [
    path
    for path in directory.iterdir()
    if path.is_dir() and re.fullmatch(name, path.name)
  ]


def _contents(paths: Iterable[pathlib.Path]) -> list[list[int]]:
  """The size and CRC-32 of each file."""
  # Both reading and CRC-32 let other threads run.
  with concurrent.futures.ThreadPoolExecutor() as pool:
    return list(pool.map(_content, paths))


def _content(path: pathlib.Path) -> list[int]:
  size = checksum = 0
  with path.open("rb") as file:
    while piece := file.read(_PIECE):
      size, checksum = size + len(piece), zlib.crc32(piece, checksum)
  return [size, checksum]


def _one_line(error: Exception) -> str:
  return " ".join(str(error).split())
