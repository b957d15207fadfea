"""When training ends, and which of its steps is used."""

import dataclasses
import json
import math
import pathlib
from typing import NamedTuple

from gr_jax.atomic import write_text
from gr_jax.training.finite import NotFinite

HELD_OUT = "valid/loss"
"""The metric that chooses a step: the loss on what training does not learn."""

OUTCOME = "outcome.json"
"""The file of an `Outcome`, beside the checkpoints."""


class Best(NamedTuple):
  """The step of the lowest held-out loss, and that loss."""

  step: int
  loss: float


class Patience:
  """Counts the evaluations since the held-out loss was lowest.

  What it knows follows from the best step alone, which its checkpoint names: a
  run that goes on counts as an undisturbed one.

  Args:
    patience: evaluations without a lower loss after which training is over; 0
      = it goes on to its last step.
    every: steps between two evaluations.
    best: the best step so far.

  Attributes:
    best: the best step so far, the first of equal ones.
  """

  def __init__(self, patience: int, *, every: int, best: Best | None = None):
    self.best = best
    self._patience, self._every = patience, every

  def see(self, step: int, loss: float) -> bool:
    """Whether the held-out loss of `step` is lower than any before.

    Raises:
      NotFinite: the loss is NaN or infinite.
    """
    if not math.isfinite(loss):
      raise NotFinite(
        f"training stopped at step {step}: the held-out loss is {loss:g} where "
        "that of training is finite. Look at the validation requests."
      )
    if self.best is not None and loss >= self.best.loss:
      return False
    self.best = Best(step, loss)
    return True

  def is_over(self, step: int) -> bool:
    """Whether training ends after `step`."""
    if self.best is None or not self._patience:
      return False
    return step // self._every - self.best.step // self._every >= self._patience


@dataclasses.dataclass(frozen=True)
class Outcome:
  """How training ended.

  Attributes:
    step: the step whose parameters are used.
    ended: the last step that was done.
    steps: the steps that it could have done.
    loss: the held-out loss at `step`; None where none was measured.
    last_loss: the held-out loss at `ended`.
    patience: evaluations in a row without a lower loss that end training.
  """

  step: int
  ended: int
  steps: int
  loss: float | None = None
  last_loss: float | None = None
  patience: int = 0

  def sentence(self) -> str:
    """One line: why training ended, where, and what is used."""
    if self.ended < self.steps:
      text = (
        f"training stopped at step {self.ended:,} of {self.steps:,}: the "
        f"held-out loss did not fall in {self.patience} evaluations"
      )
    else:
      text = f"training did all {self.steps:,} steps"
    if self.loss is None:
      return f"{text}; no loss was held out, the last step is used"
    used = f"{text}; step {self.step:,} is used, held-out loss {self.loss:.4g}"
    if self.step == self.ended or self.last_loss is None:
      return used
    return f"{used} ({self.last_loss:.4g} at the end)"

  def save(self, directory: pathlib.Path) -> None:
    """Writes the file that `read_outcome` reads."""
    write_text(directory / OUTCOME, json.dumps(dataclasses.asdict(self)))


def read_outcome(directory: pathlib.Path) -> Outcome | None:
  """The outcome of a training; None of one that did not leave any."""
  path = directory / OUTCOME
  return Outcome(**json.loads(path.read_text())) if path.is_file() else None
