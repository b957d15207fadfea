"""Figures of variants against a baseline on the same requests and seeds.

The hits of a variant are `[S, R, M]`: seeds, requests, metrics. Seeds are
stacked as further requests of the same users, and the bootstrap draws users.
So an interval says how far the figure depends on the sample of users, given
these tokenizers and generators; how far it depends on their seeds is said by
the number of seeds whose own difference has the sign of the pooled one.
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


class Difference(NamedTuple):
  """The distance of a variant to the baseline in every metric, each `[M]`.

  Attributes:
    difference: The mean difference to the baseline per request.
    low: The lower end of its 95 % interval.
    high: The upper end.
    agreeing: The seeds whose own difference has the sign of `difference`.
  """

  difference: np.ndarray
  low: np.ndarray
  high: np.ndarray
  agreeing: np.ndarray


class Width(NamedTuple):
  """The beam at which a variant reaches a hit rate; inf where it never does."""

  value: float
  low: float
  high: float


def compare(
  variant: np.ndarray, baseline: np.ndarray, users: np.ndarray, *, seed: int = 0
) -> Difference:
  """Compares figures `[S, R, M]` of both; `users` is `[R]`."""
  stacked, groups = _stack(variant, users)
  found = intervals.paired_difference(
    stacked, _stack(baseline, users)[0], groups=groups, seed=seed
  )
  by_seed = variant.mean(axis=1) - baseline.mean(axis=1)
  agreeing = (np.sign(by_seed) == np.sign(found.value)).sum(axis=0)
  return Difference(found.value, found.low, found.high, agreeing)


def rows(
  found: Found,
  users: Mapping[str, np.ndarray],
  pairs: Sequence[tuple[str, str]],
  *,
  deterministic: Collection[str] = (),
  digits: int | None = None,
) -> Iterator[dict]:
  """Yields one row per pair and metric, tidy.

  `low` and `high` belong to the difference, over the seeds that both have;
  `value`, `value_low` and `value_high` to the variant, over all of its own.

  Args:
    found: The columns of every variant and seed.
    users: The user of every request, by the first part of a metric's name; ""
      for metrics without such a part.
    pairs: `(variant, baseline)`; a variant beside itself gives its own line.
    deterministic: Variants with one answer whatever the seed: it is set beside
      every seed of the baseline.
    digits: The decimals that are kept; None keeps all.
  """
  for arm, baseline in pairs:
    mine, other = found[arm], found[baseline]
    fixed = arm in deterministic
    seeds = [seed for seed in other if seed in mine or fixed]
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
        yield row if digits is None else _rounded(row, digits)


def _rounded(row: Mapping, digits: int) -> dict:
  return {
    name: round(x, digits) if isinstance(x, float) else x
    for name, x in row.items()
  }


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
  values, groups = _stack(own, users)
  value = intervals.bootstrap(values, groups=groups)
  figures = {
    "value": value.value, "value_low": value.low, "value_high": value.high,
    **compare(mine, other, users)._asdict(),
  }  # fmt: skip
  counts = {"compared": len(mine), "seeds": len(own), "n": len(users)}
  for m in range(own.shape[-1]):
    yield {name: x[m].item() for name, x in figures.items()} | counts


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

  The interval draws users; every draw has a target and a curve of its own.
  """
  variant, groups = _stack(variant, users)
  baseline, _ = _stack(baseline, users)
  curves = _resampled(variant, groups, resamples=resamples, seed=seed)
  targets = _resampled(baseline, groups, resamples=resamples, seed=seed)[:, -1]
  widths = [
    crossing(curve, target, beams) for curve, target in zip(curves, targets)
  ]
  # `inverted_cdf` gives one of the draws: inf has no neighbour to average.
  low, high = np.quantile(widths, [0.025, 0.975], method="inverted_cdf")
  value = crossing(variant.mean(axis=0), baseline.mean(axis=0)[-1], beams)
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


def _stack(figures: np.ndarray, users: np.ndarray):
  """`[S R, M]` float64 and the user of every row."""
  stacked = figures.reshape(-1, figures.shape[-1]).astype(np.float64)
  return stacked, np.tile(users, len(figures))


def _resampled(
  values: np.ndarray, groups: np.ndarray, *, resamples: int, seed: int
) -> np.ndarray:
  """`[resamples, M]` means of the values of users drawn with replacement.

  The draws of a width are whole curves, which `intervals.bootstrap` does not
  return.
  """
  _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
  sums = np.zeros((len(sizes), values.shape[1]))
  np.add.at(sums, group, values)
  chance = np.full(len(sizes), 1 / len(sizes))
  rng = np.random.default_rng(seed)
  drawn = rng.multinomial(len(sizes), chance, size=resamples)
  return drawn @ sums / (drawn @ sizes)[:, None]
