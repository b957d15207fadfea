"""What a training says while it runs: rows of metrics, and a bar."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax

from gr_jax.parallel import hosts
from gr_jax.progress_bar import make_bar
from gr_jax.training.metric_writer import MetricWriter
from gr_jax.training.stopping import HELD_OUT


class Rate:
  """Seconds per step between rows of metrics, compilation left out."""

  def __init__(self):
    self._steps = 0
    self._since: float | None = None

  def add(self) -> None:
    if self._since is None:
      self._since = time.perf_counter()
    else:
      self._steps += 1

  def take(self) -> float | None:
    if self._since is None or not self._steps:
      return None
    seconds = (time.perf_counter() - self._since) / self._steps
    self.restart()
    return seconds

  def restart(self) -> None:
    """Leaves out what was done since the last step."""
    if self._since is not None:
      self._steps, self._since = 0, time.perf_counter()


class TrainingLog:
  """Rows of metrics and the bar, on the host that writes them.

  Args:
    directory: receives the metrics.
    first: the number of steps that are done.
    steps: the number of steps in all, at most.
    speed: a function from seconds per step to more metrics.

  Attributes:
    rate: the seconds per step; the loop counts its steps.
    bar: on stderr; the loop moves it.
  """

  def __init__(
    self,
    directory: pathlib.Path,
    *,
    first: int,
    steps: int,
    speed: Callable[[float], dict[str, float]],
  ):
    # Metrics are the same on every host; the first one writes them.
    writes = hosts.is_first()
    self._writer = MetricWriter(directory, first_step=first) if writes else None
    self._speed, self._shown = speed, {}
    self.rate = Rate()
    self.bar = make_bar("train", total=steps, done=first, shown=writes)

  def write(self, step: int, metrics: dict[str, Any]) -> None:
    """The row of a step, which it waits for."""
    values = jax.device_get(metrics)
    seconds = self.rate.take()
    if self._writer is not None and seconds:
      values |= self._speed(seconds)
    self._write(step, values, "loss", values["train/loss"])

  def write_held_out(self, step: int, values: dict[str, float]) -> None:
    """A row of its own; the time that it took is no part of the speed."""
    self._write(step, values, "held out", values[HELD_OUT])
    self.rate.restart()

  def _write(self, step, values, name: str, loss: float) -> None:
    if self._writer is None:
      return
    self._writer.write(step, values)
    self._shown[name] = f"{name} {float(loss):.3f}"
    self.bar.set_postfix_str(", ".join(self._shown.values()))

  def close(self) -> None:
    self.bar.close()
    if self._writer is not None:
      self._writer.close()
