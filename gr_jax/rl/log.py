"""What alignment tells while it runs: rows, a bar, early warnings."""

import pathlib
import sys
from collections.abc import Mapping

from tqdm import tqdm

from gr_jax.parallel import hosts
from gr_jax.rl.early_warnings import WARNINGS
from gr_jax.training.metric_writer import MetricWriter, read_metrics


class AlignmentLog:
  """Rows `{"step": updates done, ...}`; only the first host tells.

  Args:
    directory: receives the rows.
    done: updates that an earlier run did; later rows are dropped.
    steps: updates in all.
  """

  def __init__(self, directory: pathlib.Path, *, done: int, steps: int):
    self._tells = hosts.is_first()
    self._writer, self._rows, self._said = None, [], set()
    if self._tells:
      # The row of `done` updates is written before their checkpoint.
      self._writer = MetricWriter(directory, first_step=done + bool(done))
      self._rows = read_metrics(directory / "metrics.jsonl")
    self._bar = tqdm(
      total=steps, initial=done, desc="align", unit="step",
      file=sys.stderr, mininterval=1.0, disable=not self._tells,
    )  # fmt: skip

  def update(self) -> None:
    """One update is done."""
    self._bar.update()

  def write(self, done: int, metrics: Mapping[str, float]) -> None:
    """A row, and each warning the first time that it applies."""
    if self._writer is None or not metrics:
      return
    self._writer.write(done, metrics)
    self._rows.append({"step": done} | dict(metrics))
    told = {
      name: f"{metrics[key]:.3f}"
      for name, key in (
        ("reward", "align/reward"),
        ("hits@10", "eval/hit_rate@10"),
      )
      if key in metrics
    }
    self._bar.set_postfix(told, refresh=False)
    for warn in WARNINGS:
      line = None if warn in self._said else warn(self._rows)
      if line:
        self._said.add(warn)
        tqdm.write(f"align: step {done}: {line}", file=sys.stderr)

  def close(self) -> None:
    self._bar.close()
    if self._writer is not None:
      self._writer.close()
