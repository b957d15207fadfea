"""Monitoring of an alignment while it runs: rows, a bar, early warnings.

Each warning is a function of the rows so far, oldest first, `step` among their
figures (`rl/group_metrics.py`); it returns one line or None. The thresholds are
`[OURS]`.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gr_jax.parallel import hosts
from gr_jax.progress_bar import make_bar, say
from gr_jax.training.metric_writer import MetricWriter, read_metrics

Row = Mapping[str, float]
Warn = Callable[[Sequence[Row]], str | None]

_LATEST = 5  # Rows that must agree: one bad batch is not worth a line.


def _values(rows: Sequence[Row], name: str) -> np.ndarray:
  found = [row[name] for row in rows if name in row]
  return np.asarray(found, np.float64)


def constant_reward(rows: Sequence[Row]) -> str | None:
  """All rewards of the last batches are the same number."""
  reward = _values(rows, "align/reward")[-_LATEST:]
  spread = _values(rows, "align/reward_spread")[-_LATEST:]
  if len(reward) < _LATEST or np.ptp(reward) > 1e-6 or spread.max() > 1e-6:
    return None
  return (
    f"every reward has been {reward[-1]:.3g} in the last {_LATEST} rows: the "
    "policy learns nothing; check that the reward sees the right requests and "
    "IDs, or inject experts."
  )


def equal_groups(rows: Sequence[Row], *, share: float = 0.9) -> str | None:
  """Nearly all groups have equal rewards, so no gradient."""
  equal = _values(rows, "align/equal_groups")[-_LATEST:]
  if len(equal) < _LATEST or equal.min() < share or constant_reward(rows):
    return None
  return (
    f"{equal[-1]:.0%} of the groups have equal rewards and no gradient: "
    "enlarge the group, inject experts, or use a finer reward."
  )


def collapse(rows: Sequence[Row], *, left: float = 0.25) -> str | None:
  """Entropy, variety or diversity fell to a quarter of what it was."""
  for name, words in (
    ("align/entropy", "the policy's entropy"),
    ("align/unique_ids", "the share of different IDs"),
    ("align/diversity", "the diversity of a prompt's pictures"),
  ):
    values = _values(rows, name)
    if len(values) < 2 * _LATEST:
      continue
    start, now = values[:_LATEST].mean(), values[-_LATEST:].mean()
    if now < left * start:
      return (
        f"{words} fell from {start:.3g} to {now:.3g}: the policy collapses; "
        "raise kl_coef or lower the learning rate."
      )
  return None


def drift(
  rows: Sequence[Row], *, share: float = 0.5, beyond: float = 0.1
) -> str | None:
  """Pictures lost their brightness, mean |x0|, or left what can be shown."""
  for name, words, relative, absolute in (
    ("align/brightness", "mean |x0| of the pictures", share, 0.0),
    ("align/saturation", "the share of |x0| > 1", 0.0, beyond),
  ):
    values = _values(rows, name)
    if len(values) < 2 * _LATEST:
      continue
    start, now = values[:_LATEST].mean(), values[-_LATEST:].mean()
    if abs(now - start) > relative * start + absolute:
      return (
        f"{words} went from {start:.3g} to {now:.3g}: the pictures drift, as "
        "they do where a reward is exploited; raise kl_coef or lower the "
        "learning rate."
      )
  return None


def far_from_reference(
  rows: Sequence[Row], *, limit: float = 1.0
) -> str | None:
  """The divergence per token is of the size of a different policy."""
  kl = _values(rows, "align/kl")[-_LATEST:]
  if len(kl) < _LATEST or kl.min() < limit:
    return None
  return (
    f"KL to the reference is {kl[-1]:.2f} a token: the policy is another one; "
    "raise kl_coef or lower the learning rate."
  )


def reward_hacking(
  rows: Sequence[Row], *, hit_rate: str = "eval/hit_rate@10", drop: float = 0.02
) -> str | None:
  """The reward rose while the validation hit rate fell by 2 % of itself.

  Rows without the hit rate lie between two validations.
  """
  places = [k for k, row in enumerate(rows) if hit_rate in row]
  reward = _values(rows, "align/reward")
  if len(places) < 3 or len(reward) < 2 * _LATEST:
    return None
  hits = [rows[k][hit_rate] for k in places]
  best = int(np.argmax(hits[:-1]))
  then = _values(rows[: places[best] + 1], "align/reward")[-_LATEST:]
  before = then.mean() if len(then) else reward[:_LATEST].mean()
  now = reward[-_LATEST:].mean()
  # Two evaluations in a row: one may be bad luck.
  worse = max(hits[-2:]) < (1 - drop) * hits[best]
  if best >= len(hits) - 2 or not worse or now <= before:
    return None
  return (
    f"the reward rose from {before:.3g} to {now:.3g} while {hit_rate} fell "
    f"from {hits[best]:.3g} to {hits[-1]:.3g}: the policy exploits the reward; "
    "stop here, add the relevance gate or raise kl_coef."
  )


def far_explorer(rows: Sequence[Row], *, limit: float = 0.05) -> str | None:
  """What explores draws codes as another policy than the one that learns."""
  gap = _values(rows, "align/explorer_gap")[-_LATEST:]
  if len(gap) < _LATEST or gap.min() < limit:
    return None
  tail = _values(rows, "align/explorer_gap_p95")[-1:]
  widest = "".join(f", {x:.2f} at the 95th percentile" for x in tail)
  return (
    f"the explorer's log-probabilities are {gap[-1]:.2f} a code from the old "
    f"policy's in the median{widest}: it explores another policy; set "
    "align.explore.products to "
    "w4a16, or align.explore.weights to a finer format."
  )


WARNINGS: tuple[Warn, ...] = (
  constant_reward,
  equal_groups,
  collapse,
  drift,
  far_from_reference,
  far_explorer,
  reward_hacking,
)


class AlignmentLog:
  """Rows `{"step": updates done, ...}`; only the first host writes them.

  Args:
    directory: receives the rows.
    done: the number of updates that an earlier run did; later rows are dropped.
    steps: the number of updates in all.
  """

  def __init__(self, directory: pathlib.Path, *, done: int, steps: int):
    writes = hosts.is_first()
    self._writer, self._rows, self._warned = None, [], set()
    if writes:
      # The row of `done` updates is written before their checkpoint.
      self._writer = MetricWriter(directory, first_step=done + bool(done))
      self._rows = read_metrics(directory / "metrics.jsonl")
    self._bar = make_bar("align", total=steps, done=done, shown=writes)

  def update(self) -> None:
    """Moves the bar by one update."""
    self._bar.update()

  def write(self, done: int, metrics: Mapping[str, float]) -> None:
    """Writes a row, and each warning the first time that it applies."""
    if self._writer is None or not metrics:
      return
    self._writer.write(done, metrics)
    self._rows.append({"step": done} | dict(metrics))
    shown = [
      f"{name} {metrics[key]:.3f}"
      for name, key in (
        ("reward", "align/reward"),
        ("hits@10", "eval/hit_rate@10"),
        ("explorer gap", "align/explorer_gap"),
        ("gap p95", "align/explorer_gap_p95"),
      )
      if key in metrics
    ]
    self._bar.set_postfix_str(", ".join(shown), refresh=False)
    for warn in WARNINGS:
      line = None if warn in self._warned else warn(self._rows)
      if line:
        self._warned.add(warn)
        say(f"align: step {done}: {line}")

  def close(self) -> None:
    self._bar.close()
    if self._writer is not None:
      self._writer.close()
