"""Ends an alignment whose reward rises while what it stands for falls.

A learned reward is a proxy: policies find what it gets wrong. Validation
measures both the proxy `p` and the gold reward `g`. With the validation `b` of
the best gold so far, the first of equal ones, the run ends at validation `k` if

  g_b - g_k >= fall  and  p_k > p_b  [OURS].

Where both fall the policy is worse and exploits nothing: it may recover. One
validation decides; they share prompts and seeds, and `fall` should be above
what chance still moves between two of them.

What a guard knows follows from the rows of metrics alone, so that a run which
goes on decides as an undisturbed one.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence

from gr_jax.atomic import write_text
from gr_jax.training.finite import NotFinite
from gr_jax.training.metric_writer import read_metrics

STOP = "stop.json"
"""The file of a `Stop`, beside the metrics."""

Row = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Stop:
  """Why an alignment ended early, and the update whose parameters are used.

  Attributes:
    step: the last update that was done.
    kept: the update of the best gold, 0 for the policy before alignment.
    gold: the gold reward at `kept` and at `step`.
    proxy: the proxy at both.
    names: the metrics' names, gold first.
  """

  step: int
  kept: int
  gold: tuple[float, float]
  proxy: tuple[float, float]
  names: tuple[str, str]

  def sentence(self) -> str:
    """One line: what fell, what rose, and what is used."""
    gold, proxy = self.names
    used = f"update {self.kept}" if self.kept else "the policy before alignment"
    return (
      f"alignment stopped at update {self.step}: {gold} fell from "
      f"{self.gold[0]:.4f} to {self.gold[1]:.4f} while {proxy} rose from "
      f"{self.proxy[0]:.4f} to {self.proxy[1]:.4f}, so the reward is being "
      f"exploited; {used} is used"
    )

  def save(self, directory: pathlib.Path) -> None:
    """Writes the file that `read_stop` reads."""
    write_text(directory / STOP, json.dumps(dataclasses.asdict(self)))


def read_stop(directory: pathlib.Path) -> Stop | None:
  """The stop of an alignment; None of one that no guard ended."""
  path = directory / STOP
  if not path.is_file():
    return None
  found = json.loads(path.read_text())
  pairs = {name: tuple(found[name]) for name in ("gold", "proxy", "names")}
  return Stop(**found | pairs)


@dataclasses.dataclass(frozen=True)
class RewardGuard:
  """The rule.

  Attributes:
    fall: by how much the gold reward must fall, 0.01 = a point.
    gold: the validation metric that counts.
    proxy: the validation metric of the reward that is learned from.
  """

  fall: float = 0.01
  gold: str = "eval/reward"
  proxy: str = "eval/proxy"

  def __post_init__(self):
    if not self.fall > 0:
      raise ValueError(
        f"the fall of a guard is {self.fall}; give a positive number, such as "
        "0.01, or no guard."
      )
    if self.gold == self.proxy:
      raise ValueError(
        f"a guard compares {self.gold} with itself; name two metrics."
      )

  def check(self, row: Row) -> None:
    """Refuses a validation that cannot be compared.

    Raises:
      ValueError: a metric is missing.
      NotFinite: one of them is NaN or infinite.
    """
    for name in (self.gold, self.proxy):
      if name not in row:
        raise ValueError(
          f"the guard reads {name}, and validation gives "
          f"{', '.join(sorted(row)) or 'nothing'}: name one of these."
        )
      if not math.isfinite(row[name]):
        raise NotFinite(
          f"validation gives {name} = {row[name]}; look at the samples."
        )

  def best(self, rows: Sequence[Row]) -> Row:
    """The validation of the best gold reward, the first of equal ones."""
    return max(rows, key=lambda row: row[self.gold])

  def stop(self, rows: Sequence[Row]) -> Stop | None:
    """Whether the last of the validations so far ends the run.

    Args:
      rows: oldest first, `step` among their figures.
    """
    if not rows:
      return None
    best, last = self.best(rows), rows[-1]
    fell = best[self.gold] - last[self.gold] >= self.fall
    if not fell or last[self.proxy] <= best[self.proxy]:
      return None
    return Stop(
      step=int(last["step"]),
      kept=int(best["step"]),
      gold=(best[self.gold], last[self.gold]),
      proxy=(best[self.proxy], last[self.proxy]),
      names=(self.gold, self.proxy),
    )


class Guarded:
  """The validations of a run, as a guard sees them.

  Args:
    guard: the rule; None sees nothing and never stops.
    directory: has the metrics of the updates that an earlier run did.
    done: the number of those updates.
  """

  def __init__(
    self, guard: RewardGuard | None, directory: pathlib.Path, *, done: int
  ):
    self._guard, self._rows = guard, []
    if guard is None or not done:
      return
    for row in read_metrics(directory / "metrics.jsonl"):
      # Rows of updates after the last checkpoint are written again.
      if guard.gold in row and row["step"] <= done:
        self.see(int(row["step"]), row)

  def see(self, step: int, row: Row) -> bool:
    """Whether the gold reward of a validation is the best so far.

    Raises:
      ValueError, NotFinite: as `RewardGuard.check`.
    """
    guard = self._guard
    if guard is None:
      return False
    guard.check(row)
    figures = {name: float(row[name]) for name in (guard.gold, guard.proxy)}
    self._rows.append({"step": step} | figures)
    return guard.best(self._rows) is self._rows[-1]

  @property
  def loss(self) -> float | None:
    """What checkpoints are compared by: minus the best gold reward."""
    if self._guard is None or not self._rows:
      return None
    return -self._guard.best(self._rows)[self._guard.gold]

  @property
  def stop(self) -> Stop | None:
    """Why the run ends after the last validation; None where it goes on."""
    return self._guard.stop(self._rows) if self._guard else None
