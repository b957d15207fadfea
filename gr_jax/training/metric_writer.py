"""Metrics to a JSONL file and to TensorBoard."""

import json
import pathlib
from collections.abc import Mapping

from tensorboardX import SummaryWriter

from gr_jax.atomic import write_text


class MetricWriter:
  """Appends rows `{"step": ..., name: value, ...}`.

  Rows at or after `first_step` are dropped from an older file: a resumed run
  writes them again.

  Args:
    directory: receives `metrics.jsonl` and the TensorBoard events.
    first_step: the next step that will be written.
  """

  def __init__(self, directory: pathlib.Path, *, first_step: int = 0):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "metrics.jsonl"
    kept = [row for row in read_metrics(path) if row["step"] < first_step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
    self._file = path.open("a")
    self._board = SummaryWriter(
      str(directory / "tensorboard"), purge_step=first_step
    )

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Writes one row and makes it visible at once."""
    row = {"step": step} | {k: float(v) for k, v in metrics.items()}
    self._file.write(json.dumps(row) + "\n")
    self._file.flush()
    for name, value in metrics.items():
      self._board.add_scalar(name, float(value), step)

  def close(self) -> None:
    self._file.close()
    self._board.close()


def read_metrics(path: pathlib.Path) -> list[dict[str, float]]:
  """Rows of a metrics file; a last line that was cut off is left out."""
  if not path.exists():
    return []
  rows = []
  for line in path.read_text().splitlines():
    try:
      rows.append(json.loads(line))
    except json.JSONDecodeError:
      break
  return rows
