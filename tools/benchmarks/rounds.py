"""Runs contenders in turns, each in its own process, and sums up.

In every round each contender runs once, so that what else happens on the
machine meets all of them alike. The processes live through all rounds and
wait in between.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

from tools.benchmarks.contender import Bar, Contender, Limit, Section

Progress = Callable[[str], None]
Samples = dict[str, list[dict[str, float]]]
"""Per label, one dict of figures a round."""

_ROOT = pathlib.Path(__file__).parents[2]
_THREADS = (
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "NPROC",
)


class Worker:
  """A contender's process.

  Raises:
    RuntimeError: from any call, where the contender failed.
  """

  def __init__(self, contender: Contender, *, cores: int):
    self.contender = contender
    available = sorted(os.sched_getaffinity(0))
    pinned = available[-cores:]
    environment = os.environ | dict.fromkeys(_THREADS, str(len(pinned)))
    self._process = subprocess.Popen(
      [sys.executable, "-m", "tools.benchmarks.worker", *map(str, pinned)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      cwd=_ROOT,
      env=environment,
    )
    try:
      self._ask(
        {
          "make": contender.make,
          "setup": contender.setup,
          "units": contender.units,
          "options": dict(contender.options),
        }
      )
    except BaseException:
      self.close()
      raise

  def run(self) -> dict[str, float]:
    """One run: seconds per unit, and figures."""
    figures = self._ask({})
    for name in ("wall_seconds", "cpu_seconds"):
      figures[name] /= self.contender.units
    return figures

  def close(self) -> None:
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.close()
    self._process.wait()
    self._process.stdout.close()

  def _ask(self, request: dict) -> dict[str, float]:
    label = self.contender.label
    try:
      print(json.dumps(request), file=self._process.stdin, flush=True)
      answer = json.loads(self._process.stdout.readline() or "null")
    except BrokenPipeError:
      answer = None
    if answer is None:
      self._process.wait()
      code = self._process.returncode
      raise RuntimeError(f"{label}: its process ended with code {code}.")
    if "failure" in answer:
      raise RuntimeError(f"{label}: {answer['failure']}")
    return answer


def measure(
  contenders: Sequence[Contender],
  *,
  rounds: int,
  cores: int,
  progress: Progress,
) -> Samples:
  """`rounds` runs of every contender, in turns."""
  workers = []
  try:
    for contender in contenders:
      progress(f"making {contender.label}")
      workers.append(Worker(contender, cores=cores))
    samples = {worker.contender.label: [] for worker in workers}
    for turn in range(rounds):
      progress(f"round {turn + 1} of {rounds}")
      for worker in workers:
        samples[worker.contender.label].append(worker.run())
  finally:
    for worker in workers:
      worker.close()
  return samples


def median(samples: Samples, label: str, metric: str) -> float:
  return statistics.median(sample[metric] for sample in samples[label])


def rows(section: Section, samples: Samples) -> Iterator[dict]:
  """One row a figure: median, lowest and highest of the rounds."""
  for contender in section.contenders:
    found = samples.get(contender.label, [])
    for metric in found[0] if found else ():
      values = [sample[metric] for sample in found]
      yield {
        "section": section.name,
        "contender": contender.name,
        "dtype": contender.dtype,
        "batch": contender.batch,
        "metric": metric,
        "unit": section.unit,
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "rounds": len(values),
      }


def ratio(samples: Samples, ours: str, peer: str, *, metric: str) -> float:
  """`seconds(peer) / seconds(ours)`, of medians: above 1 we are faster."""
  return median(samples, peer, metric) / median(samples, ours, metric)


def verdicts(section: Section, samples: Samples, *, metric: str) -> list[dict]:
  """Bars and limits whose contenders ran: what came out, and whether met."""
  found = []
  for bar in section.bars:
    if bar.ours in samples and bar.peer in samples:
      found.append(_judge_bar(section, bar, samples, metric))
  for limit in section.limits:
    if limit.ours in samples:
      found.append(_judge_limit(section, limit, samples))
  return found


def _judge_bar(
  section: Section, bar: Bar, samples: Samples, metric: str
) -> dict:
  value = ratio(samples, bar.ours, bar.peer, metric=metric)
  claim = f"{bar.ours} >= {bar.minimum:g}x {bar.peer}"
  met = value >= bar.minimum
  if bar.error is not None:
    # Of ours over the peer's, the other way round than the seconds.
    error = ratio(samples, bar.peer, bar.ours, metric="error")
    claim += f" at {bar.error:g}x its error or less ({error:.4f}x)"
    met = met and error <= bar.error
  return {
    "section": section.name,
    "claim": claim,
    "metric": metric,
    "value": value,
    "met": met,
  }


def _judge_limit(section: Section, limit: Limit, samples: Samples) -> dict:
  value = median(samples, limit.ours, limit.metric)
  return {
    "section": section.name,
    "claim": f"{limit.ours}: {limit.metric} <= {limit.maximum:g}",
    "metric": limit.metric,
    "value": value,
    "met": value <= limit.maximum,
  }
