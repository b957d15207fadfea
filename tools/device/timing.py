"""Seconds of calls, each until its arrays are there."""

import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from tools.device.figure import Clock


def seconds_of_calls(
  run: Callable[[int], object], *, calls: int, clock: Clock, share: float = 0.2
) -> np.ndarray:
  """Seconds of each of up to `calls` calls `run(n)`, after one that warms up.

  Args:
    run: gets the number of the call.
    calls: at most so many.
    clock: calls end, but for the first three, once `share` of what was left is
      used up.
    share: a share of the budget.
  """
  jax.block_until_ready(run(0))
  limit = clock.left() * (1 - share)
  found = []
  for n in range(calls):
    start = time.perf_counter()
    jax.block_until_ready(run(n))
    found.append(time.perf_counter() - start)
    if clock.left() < limit and n >= 2:
      break
  return np.array(found)


def spread(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
  """Median, lowest and highest, in milliseconds."""
  found = 1e3 * np.asarray(seconds)
  return {
    "median_ms": float(np.median(found)),
    "lowest_ms": float(found.min()),
    "highest_ms": float(found.max()),
  }
