"""Later days of the small shop, and updates of its run in their own process."""

import os
import pathlib
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.reference.shop_run import THINGS
from tests.reference.small_run import ENVIRONMENT, ROOT

FIRST_DAY = 20
"""The first day that the run has not seen; its users buy once a day."""

HEAD = "user_id,item_id,time,event,query"
NEW_ITEMS = [
  "item_id,text,category,value",
  "N1,green cup 61,KITCHEN > CUPS,3",
  "N2,red plate 62,KITCHEN > PLATES,4",
]


def events(
  days: Sequence[int], *, items: Sequence[str] = (), permuted: bool = False
) -> str:
  """A file of the events of some days.

  Args:
    days: numbers from `FIRST_DAY` on.
    items: items that are bought in turn in place of every tenth one.
    permuted: whether the items are dealt to other events.
  """
  rows = [(user, day) for user in range(20) for day in days]
  bought = [f"B{(7 * user + 3 * day) % 60}" for user, day in rows]
  for place, item in enumerate(items):
    bought[place * 10 :: 10 * len(items)] = [item] * len(
      bought[place * 10 :: 10 * len(items)]
    )
  if permuted:
    random.Random(0).shuffle(bought)
  lines = [
    f"u{user},{item},"
    f"2024-{5 + day // 28:02d}-{1 + day % 28:02d} {user % 24:02d}:00:00,"
    f"{'purchase' if day % 2 else 'click'},"
    f"{THINGS[user % 2] if day % 3 else ''}"
    for (user, day), item in zip(rows, bought)
  ]
  return "\n".join([HEAD, *lines]) + "\n"


def start(
  run: pathlib.Path,
  *arguments: str,
  environment: Mapping[str, str] = os.environ,
) -> subprocess.Popen:
  """Starts `python -m gr_jax.update`; its output is a pipe."""
  return subprocess.Popen(
    [
      sys.executable,
      "-m",
      "gr_jax.update",
      f"--artefacts={run}",
      *arguments,
    ],
    cwd=ROOT,
    env={**environment, **ENVIRONMENT},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    start_new_session=True,
  )


def update(run: pathlib.Path, *arguments: str, code: int = 0) -> str:
  """Runs it to its end; returns what it said."""
  process = start(run, *arguments)
  output, _ = process.communicate()
  assert process.returncode == code, output
  return output
