"""Runs contenders in turns, each in its own process.

In every round each contender runs once, so that what else happens on the
machine meets all of them alike. The processes live through all rounds and
wait in between.
"""

import contextlib
import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from gr_jax.parallel.start import start
from tools.benchmarks.contender import Contender, Run

Samples = dict[str, list[dict[str, float]]]
"""Per label, one dict of figures a round."""


def measure(
  contenders: Sequence[Contender],
  *,
  rounds: int,
  cores: int,
  progress: Callable[[str], None],
) -> Samples:
  """Runs every contender once a round.

  Raises:
    RuntimeError: a contender failed.
  """
  samples: Samples = {contender.label: [] for contender in contenders}
  with contextlib.ExitStack() as stack:
    stack.enter_context(_pinned(cores))
    context = multiprocessing.get_context("spawn")
    workers = []
    for contender in contenders:
      progress(f"making {contender.label}")
      worker = stack.enter_context(ProcessPoolExecutor(1, context))
      with contextlib.nullcontext() if contender.needs else _one_arena():
        _call(worker, contender, _prepare, contender)
      workers.append(worker)
    for turn in range(rounds):
      progress(f"round {turn + 1} of {rounds}")
      for contender, worker in zip(contenders, workers):
        figures = _call(worker, contender, _run_again)
        for name in ("wall_seconds", "cpu_seconds"):
          figures[name] /= contender.units
        samples[contender.label].append(figures)
  return samples


@contextlib.contextmanager
def _pinned(cores: int) -> Iterator[None]:
  """Keeps this process, and those it starts, to the last `cores` cores.

  Thread pools of every program count the cores that they may use.
  """
  available = os.sched_getaffinity(0)
  os.sched_setaffinity(0, sorted(available)[-cores:])
  try:
    yield
  finally:
    os.sched_setaffinity(0, available)


@contextlib.contextmanager
def _one_arena() -> Iterator[None]:
  """Processes that start inside have one arena, as `start` gives a run.

  A spawned process imports the file of the command before it does anything, and
  with it libraries whose threads take arenas of their own. XLA's threads would
  share these, where glibc maps a block above 64 MB anew each time: a quarter of
  a training step that no run of a recipe, which calls `start` first, has.
  """
  name = "MALLOC_ARENA_MAX"
  before = os.environ.get(name)
  os.environ[name] = "1"
  try:
    yield
  finally:
    del os.environ[name]
    if before is not None:
      os.environ[name] = before


def _call(worker: ProcessPoolExecutor, contender: Contender, *call):
  try:
    return worker.submit(*call).result()
  except Exception as error:
    found = f"{type(error).__name__}: {error}"
    raise RuntimeError(f"{contender.label}: {found}") from error


_RUNS: list[Run] = []  # The one of this process's contender.


def _prepare(contender: Contender) -> None:
  """Makes the contender and runs it once, to compile and to warm up."""
  os.dup2(2, 1)  # The table alone goes to the standard output.
  if not contender.needs:
    start()
  _RUNS.append(make(contender))
  _RUNS[0]()


def _run_again() -> dict[str, float]:
  return timed(_RUNS[0])


def make(contender: Contender) -> Run:
  """Imports the contender and makes it."""
  module, function = contender.make.split(":")
  made = getattr(importlib.import_module(module), function)
  return made(units=contender.units, **contender.options)


def timed(run: Run) -> dict[str, float]:
  """Seconds and figures of one run."""
  wall, cpu = time.perf_counter(), time.process_time()
  figures = run()
  cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
  return {"wall_seconds": wall, "cpu_seconds": cpu, **figures}
