"""Changes to a catalogue while it is searched."""

import itertools
import json
import pathlib
import random
import sys
import time
from collections.abc import Iterator

from tools.load.offered import Change
from tools.load.requests import Connections, read_objects


def read_items(path: pathlib.Path | None, *, seed: int) -> Iterator[dict]:
  """Yields the items of a file of JSON lines, again and again.

  Without a file they are random letters.
  """
  if path is None:
    return _random_items(random.Random(seed))
  return itertools.cycle(read_objects(path))


def _random_items(rng: random.Random) -> Iterator[dict]:
  while True:
    words = ("".join(rng.choices("abcdefghijklmno", k=5)) for _ in range(3))
    yield {"text": " ".join(words)}


def adding(
  connections: Connections,
  items: Iterator[dict],
  *,
  count: int,
  times: int,
) -> Change:
  """A change that adds `count` items under new ids, `times` times; they stay.

  All bodies are written now: a measurement has no time for it later.
  """
  mark = f"load-{time.time_ns()}"
  bodies = [
    [item | {"id": f"{mark}-{number}-{i}"} for i, item in enumerate(part)]
    for number in range(times)
    for part in [itertools.islice(items, count)]
  ]
  left = iter([json.dumps({"add": body}).encode() for body in bodies])

  async def change() -> bool:
    if (body := next(left, None)) is None:
      return False
    status = await connections.post("/items", body)
    if status != 200:
      print(f"a change was answered with {status}", file=sys.stderr)
    return status == 200

  return change
