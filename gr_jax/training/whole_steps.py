"""Which steps of a run are whole: their files are as they were written.

Orbax gives a step its name when all of it is on disk, and has no sums of what
is in the arrays: numbers that changed on disk are read without a word. So a
list of all files with their sizes and CRC-32 is left in the folder of a step
[OURS], and a step that differs from its list is set aside.
"""

import json
import pathlib
import re
import shutil
import sys

from gr_jax import checksums
from gr_jax.atomic import write_text

FILES = "files.json"
"""The list of a step's files, in its folder."""

DAMAGED = ".damaged"
"""The end of the name that a step gets which is not whole."""

# A step without a list was cut off before it, or is older than the lists.
_LEAST = ("_CHECKPOINT_METADATA", "state/_METADATA")
_CUT_OFF = r"\d+\.orbax-checkpoint-tmp.*"


def seal(step: pathlib.Path) -> None:
  """Leaves the list of the files of a step that was just written."""
  write_text(step / FILES, json.dumps(checksums.of_files(step)))


def defect(step: pathlib.Path) -> str | None:
  """What is wrong with the files of a step; None of a whole one."""
  try:
    listed = dict(json.loads((step / FILES).read_text()))
  except FileNotFoundError:
    missing = [name for name in _LEAST if not (step / name).is_file()]
    return f"{missing[0]} is missing" if missing else None
  except (OSError, ValueError, TypeError) as error:
    return f"{FILES} cannot be read ({_one_line(error)})"
  return checksums.first_change(step, listed)


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


def _one_line(error: Exception) -> str:
  return " ".join(str(error).split())
