"""Figures of variants against a baseline on the same requests and seeds.

The hits of a variant are `[S, R, M]`: seeds, requests, metrics. Intervals and
p-values draw users and seeds, see `gr_jax.evaluation.intervals.resample`: they
say how far a figure would be another with other users and after training with
other seeds. A variant of one seed has users alone, and no p-value.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gr_jax.evaluation import intervals

# Metric to `[R]`. Metrics of one prefix (before the last slash) count the same
# requests: those that are NaN in one of them are NaN in all.
Columns = Mapping[str, np.ndarray]
# Variant, then seed, to its columns.
Found = Mapping[str, Mapping[int, Columns]]


class Width(NamedTuple):
  """The beam at which a variant reaches a hit rate; inf where it never does."""

  value: float
  low: float
  high: float


def rows(
  found: Found,
  users: Mapping[str, np.ndarray],
  pairs: Sequence[tuple[str, str]],
  *,
  deterministic: Collection[str] = (),
  digits: int | None = None,
) -> Iterator[dict]:
  """Yields one row per pair and metric, tidy.

    value, value_low, value_high  the figure of the variant and its interval,
                                  over all of its seeds
    value_by_seed                 `[S]` the figure of each
    difference, low, high         that to the baseline, over the seeds of both
    by_seed                       `[S]` the difference of each
    p                             two-sided p-value of no difference; None for
                                  a variant beside itself, and where one seed
                                  was compared of what depends on a seed
    agreeing, compared            seeds whose difference has the sign of the
                                  pooled one, of how many
    seeds, n                      seeds of the variant, and requests

  Args:
    found: The columns of every variant and seed.
    users: The user of every request, by the first part of a metric's name; ""
      for metrics without such a part.
    pairs: `(variant, baseline)`; a variant beside itself gives its own line.
    deterministic: Variants with one answer whatever the seed: it is set beside
      every seed of the baseline.
    digits: The decimals that are kept; None keeps all, of single seeds six.
  """
  for arm, baseline in pairs:
    mine, other = found[arm], found[baseline]
    fixed = arm in deterministic
    seeds = [seed for seed in other if seed in mine or fixed]
    tested = arm != baseline and (
      len(seeds) > 1 or {arm, baseline} <= set(deterministic)
    )
    there = next(iter(other.values()))
    names = [name for name in next(iter(mine.values())) if name in there]
    blocks = itertools.groupby(names, lambda name: name.rpartition("/")[0])
    for block, metrics in ((block, list(group)) for block, group in blocks):
      figures = _block_rows(
        stack(mine, mine, metrics),
        stack(mine, seeds, metrics),
        stack(other, seeds, metrics),
        users[block.partition("/")[0]],
      )
      for metric, row in zip(metrics, figures):
        row = {"metric": metric, "arm": arm, "baseline": baseline} | row
        yield _rounded(row | ({} if tested else {"p": None}), digits)


def _rounded(row: Mapping, digits: int | None) -> dict:
  def short(name: str, x):
    if isinstance(x, list):
      return [round(one, 6 if digits is None else digits) for one in x]
    if name == "p" or digits is None or not isinstance(x, float):
      return x
    return round(x, digits)

  return {name: short(name, x) for name, x in row.items()}


def stack(
  seeds: Mapping[int, Columns], chosen: Collection[int], metrics: Sequence[str]
) -> np.ndarray:
  """`[S, R, M]` of the chosen seeds; one answer stands for all of them."""
  answers = [seeds.get(seed, seeds[min(seeds)]) for seed in chosen]
  stacked = [np.stack([one[m] for m in metrics], axis=1) for one in answers]
  return np.stack(stacked).astype(np.float64)


def _block_rows(
  own: np.ndarray, mine: np.ndarray, other: np.ndarray, users: np.ndarray
) -> Iterator[dict]:
  # A segment counts the same requests in all variants and seeds.
  counted = ~np.isnan(own[0, :, 0])
  if not counted.any():
    return
  users = users[counted]
  own, mine, other = (x[:, counted] for x in (own, mine, other))
  value = intervals.resample(own, groups=users)
  apart = intervals.resample(mine - other, groups=users)
  own_by_seed, by_seed = own.mean(axis=1), (mine - other).mean(axis=1)
  agreeing = (np.sign(by_seed) == np.sign(apart.value)).sum(axis=0)
  figures = {
    **_ends(value, "value", "value_low", "value_high"),
    **_ends(apart, "difference", "low", "high"),
    "p": [float(f"{p:.3g}") for p in apart.p_value()],
    "agreeing": agreeing.tolist(),
    "by_seed": by_seed.T.tolist(),
    "value_by_seed": own_by_seed.T.tolist(),
  }
  counts = {"compared": len(mine), "seeds": len(own), "n": len(users)}
  for m in range(own.shape[-1]):
    yield {name: x[m] for name, x in figures.items()} | counts


def _ends(found: intervals.Resampled, *names: str) -> dict[str, list[float]]:
  figures = found.interval()[:3]
  return {name: x.tolist() for name, x in zip(names, figures)}


def equal_width(
  variant: np.ndarray,
  baseline: np.ndarray,
  users: np.ndarray,
  *,
  beams: Sequence[int],
  resamples: int = 1000,
  seed: int = 0,
) -> Width:
  """Where the variant reaches the baseline's hit rate at the widest beam.

  The interval draws users and seeds; every draw has a target and a curve of its
  own, both of the same users and seeds. Figures are `[S, R, M]` of beams `M`.
  """
  both = np.concatenate([variant, baseline[..., -1:]], axis=-1)
  found = intervals.resample(both, groups=users, resamples=resamples, seed=seed)
  widths = [
    crossing(curve[:-1], curve[-1], beams) for curve in found.stretched()
  ]
  # `inverted_cdf` gives one of the draws: inf has no neighbour to average.
  low, high = np.quantile(widths, [0.025, 0.975], method="inverted_cdf")
  value = crossing(found.value[:-1], found.value[-1], beams)
  return Width(value, float(low), float(high))


def crossing(curve: np.ndarray, target: float, beams: Sequence[int]) -> float:
  """The smallest beam whose hit rate reaches `target`; inf if none does.

  Between the widths that were searched the hit rate is taken as linear in the
  logarithm of the beam. A curve that is above at the narrowest beam gives it.
  """
  # Of rates that are equal up to the order of their sums, none is the lower.
  reached = np.flatnonzero(curve >= target - 1e-12)
  if not len(reached):
    return float("inf")
  after = reached[0]
  if after == 0:
    return float(beams[0])
  rise = curve[after] - curve[after - 1]
  share = min((target - curve[after - 1]) / rise, 1.0)
  low, high = beams[after - 1], beams[after]
  return float(min(low * (high / low) ** share, high))
