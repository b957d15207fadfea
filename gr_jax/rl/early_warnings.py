"""What goes wrong in alignment, said in one line while it runs.

Each function looks at rows of metrics (`rl/group_metrics.py`, oldest first,
`step` among them) and returns a line or None. Thresholds are ours.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Row = Mapping[str, float]
Warning_ = Callable[[Sequence[Row]], str | None]

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
    f"{equal[-1]:.0%} of the groups have equal rewards and teach nothing: "
    "enlarge the group, inject experts, or use a finer reward."
  )


def collapse(rows: Sequence[Row], *, left: float = 0.25) -> str | None:
  """Entropy or variety fell to a quarter of what it was."""
  for name, words in (
    ("align/entropy", "the policy's entropy"),
    ("align/unique_ids", "the share of different IDs"),
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
  """The reward rose while the held-out hit rate fell by 2 % of itself.

  Rows without the hit rate are what happens between two evaluations.
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


WARNINGS: tuple[Warning_, ...] = (
  constant_reward,
  equal_groups,
  collapse,
  far_from_reference,
  reward_hacking,
)


def early_warnings(rows: Sequence[Row]) -> list[str]:
  """All lines that apply to the rows so far."""
  lines = [warn(rows) for warn in WARNINGS]
  return [line for line in lines if line is not None]
