"""One contender in a process of its own, driven over pipes in JSON lines.

The arguments are the cores it is pinned to. The first line names the contender;
it is made, run once to compile and to warm up, and `{}` says that it stands
ready. Each further line is one run, answered with wall seconds, CPU seconds of
the process and the contender's figures.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable


def locate(path: str) -> Callable:
  """The function `module:function` names."""
  module, _, function = path.partition(":")
  return getattr(importlib.import_module(module), function)


def serve(requests, answers) -> None:
  """Answers until the requests end."""

  def answer(content) -> None:
    print(json.dumps(content), file=answers, flush=True)

  try:
    first = json.loads(next(requests))
    if first["setup"]:
      locate(first["setup"])()
    run = locate(first["make"])(units=first["units"], **first["options"])
    run()
    answer({})
    for _ in requests:
      answer(timed(run))
  except Exception as error:
    answer({"failure": f"{type(error).__name__}: {error}"})


def timed(run) -> dict[str, float]:
  """Seconds and figures of one run."""
  wall, cpu = time.perf_counter(), time.process_time()
  figures = run()
  cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
  return {"wall_seconds": wall, "cpu_seconds": cpu, **figures}


def main() -> None:
  # Before any import that counts the cores to size a thread pool.
  os.sched_setaffinity(0, map(int, sys.argv[1:]))
  # What a library prints must not end up among the answers.
  answers = os.fdopen(os.dup(1), "w")
  os.dup2(2, 1)
  serve(sys.stdin, answers)


if __name__ == "__main__":
  main()
