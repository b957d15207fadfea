"""Runs the checks of one side and writes each figure as soon as it is there.

A process of its own: a crash, or the end of the budget, loses nothing that was
found, and the other side gets the whole memory of the device.

  python -m tools.device.worker SIDE FORM SECONDS FILE CHECK,CHECK,...
"""

import importlib.util
import json
import pathlib
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gr_jax.command_line import one_line
from tools.device.checks import SIDES, Entry
from tools.device.figure import Clock
from tools.device.forms import FORMS, FULL, Form

Write = Callable[[Mapping[str, Any]], None]


def run_checks(
  checks: Mapping[str, Entry], form: Form, clock: Clock, write: Write
) -> None:
  """Runs checks in turn; each failure is a row, and the next one begins.

  A row is a figure, or says why a check was left out ("skipped"), what went
  wrong ("error"), or how long it took ("seconds").
  """
  for name, entry in checks.items():
    if reason := obstacle(entry, form, clock):
      write({"check": name, "skipped": reason})
      continue
    start = time.monotonic()
    print(f"{name} ...", file=sys.stderr)
    try:
      check = pkgutil.resolve_name(f"tools.device.{entry.place}")
      for figure in check(form, clock):
        write({"check": name, **figure._asdict()})
        if clock.left() < 0:
          write({"check": name, "skipped": "the rest: the budget is used up"})
          break
    except Exception as error:  # The other checks are worth having.
      write({"check": name, "error": f"{type(error).__name__}: {first(error)}"})
    write({"check": name, "seconds": round(time.monotonic() - start, 1)})


def obstacle(entry: Entry, form: Form, clock: Clock) -> str | None:
  """Why a check is not begun; None where nothing is in its way."""
  absent = [n for n in entry.needs if importlib.util.find_spec(n) is None]
  if absent:
    return f"not installed: {', '.join(absent)}"
  least = entry.least if form is FULL else 1
  if clock.left() < least:
    return f"{clock.left():.0f} s of the budget are left; it needs {least:.0f}"
  return None


def first(error: BaseException, length: int = 300) -> str:
  """The beginning of an error; XLA's go on for pages."""
  return one_line(error)[:length]


def main(arguments: Sequence[str]) -> None:
  side, form, seconds, path, names = arguments
  chosen = {name: SIDES[side][name] for name in names.split(",")}
  with pathlib.Path(path).open("a") as file:

    def write(row):
      print(json.dumps(row), file=file, flush=True)

    run_checks(chosen, FORMS[form], Clock(float(seconds)), write)


if __name__ == "__main__":
  main(sys.argv[1:])
