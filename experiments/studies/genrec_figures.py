"""All figures of the GenRec study as tidy rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.studies import paired
from experiments.studies.genrec_hits import CUTOFFS

# Of one seed: `genrec_hits.measure`, and rewards where a world has them.
Found = Mapping[str, np.ndarray]
HITS = tuple(f"hit_rate@{k}" for k in CUTOFFS)
INVALID = "hallucination"
REWARDS = ("learned_reward", "true_reward")


def columns(seeds: Sequence[Found]) -> dict[str, np.ndarray]:
  """Metric to `[S, R]`."""
  hits = np.stack([one["hits"] for one in seeds]).astype(np.float64)
  out = {name: hits[..., k] for k, name in enumerate(HITS)}
  for name, key in ((INVALID, "invalid"), *((r, r) for r in REWARDS)):
    if all(key in one for one in seeds):
      out[name] = np.stack([one[key] for one in seeds]).astype(np.float64)
  return out


def rows(
  arm: str,
  baseline: str,
  found: Mapping[str, Sequence[Found]],
  users: np.ndarray,
) -> Iterator[dict]:
  """One row per metric: an arm, and its distance to a baseline.

  The interval is that of the difference per request; users are drawn, seeds
  pooled. `relative` is the difference over the baseline's value.
  """
  mine, other = columns(found[arm]), columns(found[baseline])
  for name in mine.keys() & other.keys():
    result = paired.compare(
      mine[name][..., None], other[name][..., None], users
    )
    value, difference, low, high, agreeing = (float(x[0]) for x in result)
    base = value - difference
    yield {
      "arm": arm,
      "baseline": baseline,
      "metric": name,
      "value": value,
      "difference": difference,
      "low": low,
      "high": high,
      "relative": difference / base if base else None,
      "agreeing": agreeing,
      "seeds": len(found[arm]),
      "n": len(users),
    }


def compared(
  pairs: Sequence[tuple[str, str]],
  found: Mapping[str, Sequence[Found]],
  users: np.ndarray,
) -> list[dict]:
  """`rows` of all `(arm, baseline)` pairs that were run."""
  order = [*HITS, INVALID, *REWARDS]
  return [
    row
    for arm, baseline in pairs
    if arm in found and baseline in found
    for row in sorted(
      rows(arm, baseline, found, users), key=lambda r: order.index(r["metric"])
    )
  ]
