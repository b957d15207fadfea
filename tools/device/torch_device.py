"""Torch on the device of this machine."""

import time
from collections.abc import Callable

import numpy as np
import torch

from tools.device.figure import Clock

SIDE = "torch"


def device() -> torch.device:
  """CUDA's first device, else the CPU."""
  return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
  """Until the device has done what it was given."""
  if torch.cuda.is_available():
    torch.cuda.synchronize()


def seconds_of_calls(
  run: Callable[[int], object], *, calls: int, clock: Clock, share: float
) -> np.ndarray:
  """As `timing.seconds_of_calls`."""
  run(0)
  wait()
  limit = clock.left() * (1 - share)
  found = []
  for n in range(calls):
    start = time.perf_counter()
    run(n)
    wait()
    found.append(time.perf_counter() - start)
    if clock.left() < limit and n >= 2:
      break
  return np.array(found)
