"""Figures of arms against a baseline on the same requests and seeds.

The hits of an arm are `[S, R, W]`: seeds, requests, beam widths. Seeds are
stacked as further requests of the same users, and the bootstrap draws users.
So an interval tells how far the figure hangs on who was asked, given these
tokenizers and generators; how far it hangs on their seeds is told by the number
of seeds whose own difference has the sign of the pooled one.
"""

from typing import NamedTuple

import numpy as np

from gr_jax.evaluation import intervals


class Difference(NamedTuple):
  """An arm and its distance to the baseline at every width, each `[W]`.

  Attributes:
    value: hit rate of the arm.
    difference: to the baseline, per request.
    low: lower end of its 95 % interval.
    high: upper end.
    agreeing: seeds whose own difference has the sign of `difference`.
  """

  value: np.ndarray
  difference: np.ndarray
  low: np.ndarray
  high: np.ndarray
  agreeing: np.ndarray


class Width(NamedTuple):
  """The beam at which an arm reaches a hit rate; inf where it never does."""

  value: float
  low: float
  high: float


def compare(
  arm: np.ndarray, baseline: np.ndarray, users: np.ndarray, *, seed: int = 0
) -> Difference:
  """Hits `[S, R, W]` of both, `users [R]`."""
  stacked, groups = _stack(arm, users)
  found = intervals.paired_difference(
    stacked, _stack(baseline, users)[0], groups=groups, seed=seed
  )
  by_seed = arm.mean(axis=1) - baseline.mean(axis=1)
  return Difference(
    stacked.mean(axis=0),
    found.value,
    found.low,
    found.high,
    (np.sign(by_seed) == np.sign(found.value)).sum(axis=0),
  )


def equal_width(
  arm: np.ndarray,
  baseline: np.ndarray,
  users: np.ndarray,
  *,
  beams: tuple[int, ...],
  resamples: int = 1000,
  seed: int = 0,
) -> Width:
  """Where the arm reaches the baseline's hit rate at the widest beam.

  The interval draws users; every draw has a target and a curve of its own.
  """
  arm, groups = _stack(arm, users)
  baseline, _ = _stack(baseline, users)
  curves = _resampled(arm, groups, resamples=resamples, seed=seed)
  targets = _resampled(baseline, groups, resamples=resamples, seed=seed)[:, -1]
  widths = [
    crossing(curve, target, beams) for curve, target in zip(curves, targets)
  ]
  # `inverted_cdf` gives one of the draws: inf has no neighbour to average.
  low, high = np.quantile(widths, [0.025, 0.975], method="inverted_cdf")
  value = crossing(arm.mean(axis=0), baseline.mean(axis=0)[-1], beams)
  return Width(value, float(low), float(high))


def crossing(curve: np.ndarray, target: float, beams: tuple[int, ...]) -> float:
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


def _stack(hits: np.ndarray, users: np.ndarray):
  """`[S R, W]` float64 and the user of every row."""
  seeds, _, widths = hits.shape
  return hits.reshape(-1, widths).astype(np.float64), np.tile(users, seeds)


def _resampled(
  values: np.ndarray, groups: np.ndarray, *, resamples: int, seed: int
) -> np.ndarray:
  """`[resamples, W]` means of the values of users drawn with replacement."""
  _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
  sums = np.zeros((len(sizes), values.shape[1]))
  np.add.at(sums, group, values)
  chance = np.full(len(sizes), 1 / len(sizes))
  rng = np.random.default_rng(seed)
  drawn = rng.multinomial(len(sizes), chance, size=resamples)
  return drawn @ sums / (drawn @ sizes)[:, None]
