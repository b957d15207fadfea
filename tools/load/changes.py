"""Changes to a catalogue while it is asked."""

import json
import random
import sys
import time
import urllib.parse

from tools.load.offered import Change
from tools.load.requests import ask


def new_items(
  mark: str, count: int, *, width: int, rng: random.Random
) -> list[dict]:
  """As `POST /items` takes them; ids begin with `mark`."""
  items = [{"id": f"{mark}-{i}", "text": f"new item {i}"} for i in range(count)]
  for item in items if width else ():
    item["vector"] = [round(rng.gauss(0, 1), 3) for _ in range(width)]
  return items


def adding(
  url: urllib.parse.SplitResult,
  *,
  items: int,
  times: int,
  width: int,
  seed: int,
) -> Change:
  """Adds `items` new items at a time, `times` times; they stay.

  Vectors of `width` numbers are random, so that the items spread over the
  semantic IDs as a catalogue does; with 0 their texts are encoded. All bodies
  are written now: who measures has no time for it later.
  """
  rng, mark = random.Random(seed), f"load-{time.time_ns()}"
  bodies = [
    {"add": new_items(f"{mark}-{number}", items, width=width, rng=rng)}
    for number in range(times)
  ]
  left = iter([json.dumps(body).encode() for body in bodies])

  async def change() -> bool:
    if (body := next(left, None)) is None:
      return False
    status = await ask(url, "/items", body)
    if status != 200:
      print(f"a change was answered with {status}", file=sys.stderr)
    return status == 200

  return change
