"""Shows in one call what the accelerator of this machine gives the library.

  pip install '.[cuda]'  # or '.[tpu]'; with torch and transformers for peers
  python tools/check_device.py --output=device_check

Within `--seconds` (six minutes) it names the device, searches and trains at
real sizes with random weights beside the bars that the library sets itself,
compares every attention with the plain one and a tiny run with the CPU's, and
clusters; where torch is installed, the same in torch. Checks come in the order
of their worth; what finds no time is named. `FILE.json` has every figure,
`FILE.md` the tables, `FILE.svg` the picture. On a CPU a small form shows that
all of it runs.

JAX and torch work in processes of their own, one after the other: each has the
whole device, and a crash loses no figure that was found before.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from gr_jax import command_line
from tools.device.bars import Rows, find, verdicts
from tools.device.checks import JAX_CHECKS, SIDES
from tools.device.report import page

ROOT = pathlib.Path(__file__).resolve().parents[1]
# The peers' share of the budget, and what is kept for the pages.
_PEERS, _PAGES = 0.3, 10


def parser() -> argparse.ArgumentParser:
  result = command_line.parser("python tools/check_device.py", __doc__)
  add = result.add_argument
  add("--output", type=pathlib.Path, default="device_check", help="the folder")
  add("--seconds", type=float, default=360, help="of the whole call [360]")
  add("--form", choices=("auto", "full", "small"), default="auto")
  add(
    "--checks",
    default=",".join(JAX_CHECKS),
    help="comma separated, in the order in which they run",
  )
  return result


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(parser(), _work, arguments)


def _work(flags: argparse.Namespace) -> int:
  names = flags.checks.split(",")
  if unknown := [name for name in names if name not in JAX_CHECKS]:
    raise ValueError(
      f"--checks: no check is named {', '.join(unknown)}; there are "
      f"{', '.join(JAX_CHECKS)}."
    )
  start = time.monotonic()
  flags.output.mkdir(parents=True, exist_ok=True)
  form = chosen_form(flags.form)
  rows = []
  budget = flags.seconds - _PAGES
  for side, share in (("jax", 1 - _PEERS), ("torch", 1.0)):
    left = budget - (time.monotonic() - start)
    mine = [name for name in names if name in SIDES[side]]
    if mine:
      rows += run_side(side, form, share * left, mine)
  meta = {
    "kind": find(rows, "machine", "device", "kind") or "unknown device",
    "form": form,
    "seconds": time.monotonic() - start,
  }
  write(flags.output, rows, meta)
  return int(any("error" in row for row in rows))


def chosen_form(name: str) -> str:
  """ "full" on an accelerator and "small" on a CPU, unless one is named.

  Asked in a process that ends: this one must not take the device's memory.
  """
  if name != "auto":
    return name
  question = "import jax; print(jax.default_backend())"
  found = subprocess.run(
    [sys.executable, "-c", question], capture_output=True, text=True
  )
  if found.returncode:
    raise RuntimeError(f"JAX finds no device: {found.stderr.strip()[-300:]}")
  return "small" if found.stdout.split()[-1] == "cpu" else "full"


def run_side(
  side: str, form: str, seconds: float, names: list[str]
) -> list[dict[str, Any]]:
  """The rows of a worker; a worker that dies is a row as well."""
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "rows.jsonl"
    file.touch()
    command = [sys.executable, "-m", "tools.device.worker", side, form]
    command += [str(seconds), str(file), ",".join(names)]
    # Memory is taken as it is needed, so that figures are those of programs.
    extra = {
      "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
      "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95",
      "PYTHONPATH": _path(),
    }
    end = {}
    try:
      done = subprocess.run(
        command, cwd=ROOT, env=os.environ | extra, timeout=max(1.0, seconds)
      )
      if done.returncode:
        end = {"error": f"the process ended with {done.returncode}"}
    except subprocess.TimeoutExpired:
      end = {"skipped": "the rest: its part of the budget is used up"}
    rows = read_rows(file)
  if end:
    rows.append({"check": unfinished(rows, names), **end})
  return [row | {"by": f"{side}, "} for row in rows]


def _path() -> str:
  return os.pathsep.join(filter(None, (str(ROOT), os.getenv("PYTHONPATH"))))


def read_rows(file: pathlib.Path) -> list[dict[str, Any]]:
  """Rows, but for a last line that was not written to its end."""
  found = []
  for line in file.read_text().splitlines():
    try:
      found.append(json.loads(line))
    except json.JSONDecodeError:
      break
  return found


def unfinished(rows: Rows, names: list[str]) -> str:
  """The first check that tells neither its seconds nor why it did not run."""
  over = {row["check"] for row in rows if {"seconds", "skipped"} & row.keys()}
  return next((name for name in names if name not in over), names[-1])


def programs_of(rows: Rows) -> dict[str, dict[str, float]]:
  """Bytes, seconds and FLOPs by program, and the least seconds at the peaks."""
  found: dict[str, dict[str, float]] = {}
  for row in rows:
    metric = str(row.get("metric"))
    if metric.startswith("program_"):
      metric = metric.removeprefix("program_")
      found.setdefault(row["what"], {})[metric] = row["value"]
  return found


def write(folder: pathlib.Path, rows: Rows, meta: dict[str, Any]) -> None:
  """The three files, and the page to the terminal."""
  programs = programs_of(rows)
  bars = verdicts(rows) if meta["form"] == "full" else []
  text = page(rows, bars, programs, meta)
  found = meta | {
    "bars": [bar._asdict() for bar in bars],
    "programs": programs,
    "rows": rows,
  }
  (folder / "device.json").write_text(json.dumps(found, indent=1))
  (folder / "device.md").write_text(text)
  print(text)
  # Last, and only here: the figures are safe without it.
  from tools.device.pictures import draw

  (folder / "device.svg").write_text(draw(rows, meta["kind"]))


if __name__ == "__main__":
  sys.exit(main())
