"""All figures of the EG-GRPO study as tidy rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.studies import paired
from experiments.studies.alignment_arms import COMPARED
from experiments.studies.alignment_hits import FIGURES


def hit_rows(
  hits: Mapping[str, Sequence[np.ndarray]], users: np.ndarray
) -> Iterator[dict]:
  """One row per arm, figure and what it is compared with.

  Args:
    hits: per arm and seed `[R, 3]`.
    users: `[R]`.
  """
  stacked = {arm: np.stack(seeds) for arm, seeds in hits.items()}
  for against in filter(stacked.__contains__, COMPARED):
    for arm, found in stacked.items():
      compared = paired.compare(found, stacked[against], users)
      for w, figure in enumerate(FIGURES):
        yield {
          "arm": arm,
          "figure": figure,
          "against": against,
          **{name: float(x[w]) for name, x in compared._asdict().items()},
          "n": len(users),
          "seeds": len(found),
        }


# Of the rows of an alignment: name here, name there.
_RUN = {
  "equal_groups": "align/equal_groups",
  "rollout_seconds": "align/rollout_seconds",
  "update_seconds": "align/update_seconds",
}


def run_figures(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
  """Of one alignment: medians of its rows, and what its ends say."""
  found = {}
  for name, key in _RUN.items():
    values = [row[key] for row in rows if key in row]
    found[name] = float(np.median(values))
  for name, key in (("reward", "align/reward"), ("kl", "align/kl")):
    values = [row[key] for row in rows if key in row]
    if values:
      found |= {f"{name}_first": values[0], f"{name}_last": values[-1]}
  return found


def run_rows(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> list[dict]:
  """One row per aligned arm: means over the seeds of `run_figures`."""
  return [
    {"arm": arm}
    | {name: float(np.mean([one[name] for one in seeds])) for name in seeds[0]}
    for arm, seeds in runs.items()
    if seeds
  ]
