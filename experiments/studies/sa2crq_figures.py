"""All figures of the SA2CRQ study as tidy rows."""

from collections.abc import Iterator, Mapping

import numpy as np

from experiments.studies import paired
from experiments.studies.sa2crq_hits import Found
from experiments.studies.sa2crq_measure import (
  ALL,
  INVALID,
  ITEMS,
  METRICS,
  MRRS,
  RECALLS,
)
from gr_jax.evaluation import intervals

PART = ("recall@100", ALL, ITEMS)


def told(decoding: str, segment: str) -> tuple[str, ...]:
  """The metrics that the study tells of a decoding and segment."""
  if decoding == "free":
    return () if segment == "new" else (*RECALLS[-3:], ITEMS, *INVALID)
  return (*RECALLS, ALL, *MRRS, ITEMS) if segment == "all" else PART


def rows(
  arm: str,
  baseline: str,
  found: Mapping[str, Mapping[int, Found]],
  users: Mapping[str, np.ndarray],
) -> Iterator[dict]:
  """One row per kind, decoding, segment and metric of an arm.

  `low` and `high` are those of the value, `below` and `above` those of the
  difference to the baseline, over the seeds that both have. What answers the
  same whatever the seed (BM25) is set beside every seed of the baseline.

  Args:
    arm: a name in `found`.
    baseline: another, or the same.
    found: per arm and seed.
    users: per kind, who asked.
  """
  mine, other = found[arm], found[baseline]
  first = next(iter(mine.values()))
  for kind, decodings in first.items():
    for decoding in decodings:
      for segment in decodings[decoding]:
        key = (kind, decoding, segment)
        yield from _compared(
          {"arm": arm, **dict(zip(("requests", "decoding", "segment"), key))},
          *_pair(mine, other, key),
          _stack(mine, mine, key),
          users[kind],
        )


def _stack(seeds, chosen, key) -> np.ndarray:
  """`[S, R, M]` of the chosen seeds; one answer stands for all of them."""
  kind, decoding, segment = key
  return np.stack(
    [
      seeds[s if s in seeds else min(seeds)][kind][decoding][segment]
      for s in chosen
    ]
  )


def _pair(mine, other, key) -> tuple[np.ndarray, np.ndarray]:
  """Both on equal seeds."""
  generates = "free" in next(iter(mine.values()))[key[0]]
  chosen = [s for s in other if s in mine or (not generates and len(mine) == 1)]
  return _stack(mine, chosen, key), _stack(other, chosen, key)


def _compared(
  named: dict,
  mine: np.ndarray,
  other: np.ndarray,
  own: np.ndarray,
  users: np.ndarray,
) -> Iterator[dict]:
  # A segment counts the same requests in all arms and seeds.
  counted = ~np.isnan(own[0, :, 0])
  if not counted.any():
    return
  users = users[counted]
  own, mine, other = (x[:, counted] for x in (own, mine, other))
  value = intervals.bootstrap(
    own.reshape(-1, own.shape[-1]), groups=np.tile(users, len(own))
  )
  difference = paired.compare(mine, other, users)
  for metric in told(named["decoding"], named["segment"]):
    m = METRICS.index(metric)
    row = {
      "value": value.value[m],
      "low": value.low[m],
      "high": value.high[m],
      "difference": difference.difference[m],
      "below": difference.low[m],
      "above": difference.high[m],
    }
    yield {
      **named,
      "metric": metric,
      **{name: round(float(x), 5) for name, x in row.items()},
      "agreeing": int(difference.agreeing[m]),
      "seeds": len(own),
      "compared": len(mine),
      "n": len(users),
    }


def compared(
  arms: list[str],
  baseline: str,
  found: Mapping[str, Mapping[int, Found]],
  users: Mapping[str, np.ndarray],
) -> list[dict]:
  """`rows` of all arms."""
  return [row for arm in arms for row in rows(arm, baseline, found, users)]
