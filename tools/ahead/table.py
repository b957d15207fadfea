"""The table of all recipes on all targets, row by row.

A row that was compiled is a file, so that a run which was cut off goes on where
it was. Rows are made by processes that are ended when one of their compilations
takes too long; such a row says so. Delete a file to have its row made again.
"""

import functools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from gr_jax import recipes
from tools.ahead import deployed, pictures, programs, rows
from tools.ahead.data_sheets import SHEETS
from tools.ahead.targets import ALL

PRESET = "paper"
_FIRST = ("cq_sid", "eg_grpo", "genrec", "tiger", "nci", "dsi")
"""Recipes that are compiled before any other."""
_TOOL = pathlib.Path(__file__).parents[1] / "compile_ahead.py"
_POLL = 0.5


def row_file(
  folder: pathlib.Path, config: str, kind: str, target: str
) -> pathlib.Path:
  """The file of a row."""
  recipe = pathlib.Path(config.partition(":")[0]).stem
  kind = kind.replace(", ", "_").replace(" ", "-")
  return folder / f"{recipe}.{kind}.{target.replace(':', '-')}.json"


@functools.cache
def paper_recipes() -> tuple[str, ...]:
  """The recipes of one generator that have the preset `paper`.

  Those of `_FIRST` come first. Where users bring the IDs, a recipe has no sizes
  of its own.
  """
  found = []
  for name in recipes.names():
    try:
      config = _config(name)
    except ValueError:
      continue
    given = config.get("tokenizer", {}).get("name") == "given_ids"
    if "generator" in config and "tokenizer" in config and not given:
      found.append(name)
  return (*_FIRST, *(name for name in found if name not in _FIRST))


def known(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  """The files of compiled rows, by the digest of what was compiled."""
  found = {}
  for path in sorted(folder.glob("*.json")):
    row = json.loads(path.read_text())
    if "same" not in row and ("memory" in row or "used" in row):
      found.setdefault(row["digest"], path)
  return found


def fill(
  folder: pathlib.Path,
  *,
  targets: Sequence[str] = ALL,
  minutes: float,
  names: Sequence[str] = (),
) -> None:
  """Makes the rows that are not there, recipe by recipe.

  Args:
    folder: receives them.
    targets: their targets, the most important first.
    minutes: the longest that a row may take.
    names: the deployment, recipes or flow models; empty = the deployment and
      all recipes.
  """
  folder.mkdir(parents=True, exist_ok=True)
  names = names or (deployed.NAME, *paper_recipes())
  wanted = [
    row_file(folder, name, kind, target)
    for name in names
    for target in targets
    for kind in kinds(_full(name), target)
  ]
  command = [
    sys.executable,
    str(_TOOL),
    f"--config={','.join(map(_full, names))}",
    f"--targets={','.join(targets)}",
    f"--keep={folder}",
  ]
  while missing := [path for path in wanted if not path.exists()]:
    _make(command, missing, minutes)


def _make(
  command: Sequence[str], missing: Sequence[pathlib.Path], minutes: float
) -> None:
  """Rows in their order, up to the first that takes too long."""
  left = list(missing)
  with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
    since = time.monotonic()
    try:
      while process.poll() is None and time.monotonic() - since < 60 * minutes:
        time.sleep(_POLL)
        if left and left[0].exists():
          left, since = left[1:], time.monotonic()
    finally:
      process.kill()
  left = [path for path in left if not path.exists()]
  if left:
    ended = process.returncode
    reason = (
      f"not compiled within {minutes:g} minutes"
      if ended < 0
      else f"the process ended with code {ended}"
    )
    rows.write(left[0], {"error": reason}, "")


def kinds(config: str, target: str) -> tuple[str, ...]:
  """The programs of a config, the deployment or a flow model on a target."""
  if config == deployed.NAME:
    return deployed.names(target)
  if config in pictures.NAMES:
    return pictures.KINDS if target in pictures.TARGETS else ()
  return programs.kinds(recipes.get_config(config))


Programs = dict[str, dict[str, list[str]]]
"""`{recipe: {target: programs}}`."""


def programs_of() -> Programs:
  """The programs of the table."""
  return {
    name: {target: list(kinds(_full(name), target)) for target in ALL}
    for name in (deployed.NAME, *paper_recipes())
  }


def programs_of_pictures() -> Programs:
  """The programs of the table of flow models."""
  return {
    name: {target: list(pictures.KINDS) for target in pictures.TARGETS}
    for name in pictures.NAMES
  }


def _full(name: str) -> str:
  """A recipe with its preset."""
  whole = name in (deployed.NAME, *pictures.NAMES) or ":" in name
  return name if whole else f"{name}:{PRESET}"


def _config(name: str):
  return recipes.get_config(_full(name))


def twin(name: str, kind: str) -> str | None:
  """An earlier recipe whose program is the same by its config; None without."""
  mine = _sections(name, kind)
  for other in paper_recipes():
    if other == name:
      return None
    there = kind in programs.kinds(_config(other))
    if there and _sections(other, kind) == mine:
      return other
  return None


def take(path: pathlib.Path, config: str, kind: str, target: str) -> bool:
  """Writes the row of a recipe's twin, if that is there."""
  name, _, preset = config.partition(":")
  other = twin(name, kind) if preset == PRESET else None
  if not other:
    return False
  first = row_file(path.parent, other, kind, target)
  if first.exists():
    rows.write(path, {"same": first.name}, "")
  return first.exists()


def _sections(name: str, kind: str) -> list:
  """All that a program follows from."""
  config = _config(name)
  names = ["tokenizer", "generator"]
  if kind in ("rollout", "update"):
    names.append("align")
  return [config[section].to_dict() for section in names]


def read(folder: pathlib.Path, wanted: Programs | None = None) -> dict:
  """All rows that are there, `{recipe: {program: {target: figures}}}`.

  Args:
    folder: of `fill`.
    wanted: the programs of the table; None = those of `programs_of`.
  """
  table: dict = {}
  for config, by_target in (wanted or programs_of()).items():
    for target, kinds_ in by_target.items():
      sheet = SHEETS[target.partition(":")[0].removesuffix("x8")]
      for kind in kinds_:
        path = row_file(folder, config, kind, target)
        if path.exists():
          found = short(rows.figures(*rows.read(path), sheet))
          table.setdefault(config, {}).setdefault(kind, {})[target] = found
  return table


def joined(stored: Mapping, found: Mapping) -> dict:
  """The rows that are stored, and in their place those that were found.

  Rows of programs that are no more are left out.

  Args:
    stored: rows of an earlier table, as `read` gives them.
    found: rows of `read`.
  """
  table: dict = {}
  for config, by_target in programs_of().items():
    for target, kinds_ in by_target.items():
      for kind in kinds_:
        for rows_ in (found, stored):
          row = rows_.get(config, {}).get(kind, {}).get(target)
          if row is not None:
            table.setdefault(config, {}).setdefault(kind, {})[target] = row
            break
  return table


def short(value):
  """The value with four digits of its fractions."""
  if isinstance(value, dict):
    return {key: short(each) for key, each in value.items()}
  if isinstance(value, float):
    return int(value) if value.is_integer() else float(f"{value:.4g}")
  return value
