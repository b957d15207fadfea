"""Bootstrap intervals over requests, over their users, and over seeds."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import special

# Numbers in one block of resampling weights: 32 MB as float64.
_BLOCK = 4_000_000


class Interval(NamedTuple):
  """Figures of `M` metrics.

  Attributes:
    value: `[M]` mean over the requests that count.
    low: `[M]` lower end of the interval.
    high: `[M]` upper end of the interval.
    n: `[M]` int, requests that count.
  """

  value: np.ndarray
  low: np.ndarray
  high: np.ndarray
  n: np.ndarray

  def row(self, m: int = 0) -> dict[str, float | int]:
    """The figures of one metric as columns of a tidy row."""
    return {
      "value": float(self.value[m]),
      "low": float(self.low[m]),
      "high": float(self.high[m]),
      "n": int(self.n[m]),
    }


class Resampled(NamedTuple):
  """Means of `M` metrics over what was drawn with replacement, `K` times.

  Attributes:
    value: `[M]` mean over the requests that count and the seeds.
    means: `[K, M]` the same over every draw.
    error: `[M]` standard error of `value`.
    freedom: `[M]` degrees of freedom of `error`; inf for one seed.
    n: `[M]` int, requests that count.
  """

  value: np.ndarray
  means: np.ndarray
  error: np.ndarray
  freedom: np.ndarray
  n: np.ndarray

  def stretched(self, confidence: float = 0.95) -> np.ndarray:
    """`[K, M]` draws whose percentiles are the ends of the interval.

    Few seeds say little of how far seeds differ. As in a t interval, draws
    stand further from the value by the quantile of Student's t over the normal
    one; by nothing where there is one seed.
    """
    tail = (1 - confidence) / 2
    stretch = special.stdtrit(self.freedom, tail) / special.ndtri(tail)
    return self.value + stretch * (self.means - self.value)

  def interval(self, confidence: float = 0.95) -> Interval:
    """The percentile interval, which always holds the value."""
    low, high = _quantiles(self.stretched(confidence), (1 - confidence) / 2)
    low, high = np.fmin(low, self.value), np.fmax(high, self.value)
    return Interval(self.value, low, high, self.n)

  def p_value(self) -> np.ndarray:
    """`[M]` two-sided p-value of "the mean is 0": `2 P(T > |value| / error)`.

    Student's t in place of a count of draws, which could not be below `1 / K`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
      distance = np.abs(self.value) / self.error
    # What never varies is 0 for sure, or something else for sure.
    distance = np.where(self.value == 0, 0.0, distance)
    return 2 * special.stdtr(self.freedom, -distance)


def resample(
  values: np.ndarray,
  *,
  groups: np.ndarray | None = None,
  resamples: int = 1000,
  seed: int = 0,
) -> Resampled:
  """Draws users and seeds with replacement, independently of each other.

  `y_s` is the mean of seed `s` over all requests, `y` the mean of the `S` of
  them. A draw of users has the means `y_s*` and `y*`, and, with `v_s` the times
  that seed `s` is drawn,

    mean* = y* + f Σ_s v_s (y_s - y) / S

  What it estimates is how far `y` is from the mean over all users and all seeds
  of which these are a sample: its variance is that of the users, which holds
  what a seed does to a user by chance, plus the component `σ²_s / S` of the
  seeds. Plain draws (`f = 1`) of few seeds are too narrow by `√((S - 1) / S)`,
  and what a seed does to a user by chance is in the `y_s` as well; both are
  corrected by `f`, for which

    f² Σ_s (y_s - y)² / S = max(0, Σ_s (y_s - y)² - Σ_s var*(y_s* - y*)) / (S-1)

  the estimate of the component by analysis of variance. The `S - 1` degrees of
  freedom go into `Resampled.freedom` (Satterthwaite 1946): with three to five
  seeds that differ the interval is wide. One seed gives users alone.

  Users are drawn whole: a household that buys the same milk every week is one
  piece of evidence, not fifty. With `w_g` the times that group `g` is drawn,

    y_s* = Σ_g w_g Σ_{r in g} values[s, r]  /  Σ_g w_g |g|

  The same seed draws the same groups for every system. Source: Efron and
  Tibshirani 1993, chapter 13; Field and Welsh 2007 for clusters; Owen 2007 for
  two crossed samples. The correction `f` is [OURS].

  Args:
    values: `[S, R, M]`; NaN where a request does not count for a metric.
    groups: `[R]` the user of each request; None when each stands for itself.
    resamples: The number of draws `K`.
    seed: The seed of the draws.

  Returns:
    One figure per metric; NaN in a metric for which nothing counts.
  """
  seeds, requests, metrics = np.shape(values)
  users = np.arange(requests) if groups is None else groups
  columns = np.moveaxis(np.asarray(values, np.float64), 0, 1)
  found, drawn, n = _user_means(
    columns.reshape(requests, -1), users, resamples, seed
  )
  by_seed, drawn = (x.reshape(-1, seeds, metrics) for x in (found, drawn))
  value, means = by_seed[0].mean(axis=0), drawn.mean(axis=1)
  apart = by_seed[0] - value
  with warnings.catch_warnings():
    # Of a metric for which nothing, or but one draw, counts.
    warnings.simplefilter("ignore", RuntimeWarning)
    of_users = np.nanvar(means, axis=0, ddof=1)
    by_chance = np.nanvar(drawn - means[:, None], axis=0, ddof=1).sum(axis=0)
  squares, degrees = np.square(apart).sum(axis=0), max(seeds - 1, 1)
  # Differences of the order of rounding are none.
  squares = np.where(squares > 1e-24 * np.square(value), squares, 0.0)
  of_seeds = np.maximum(squares - by_chance, 0) / degrees / seeds
  with np.errstate(invalid="ignore", divide="ignore"):
    factor = np.sqrt(of_seeds * seeds**2 / squares)
    freedom = degrees * np.square((of_users + of_seeds) / of_seeds)
  factor = np.where(of_seeds > 0, factor, 0.0)
  freedom = np.where(of_seeds > 0, freedom, np.inf)
  times = np.random.default_rng((seed, 1)).multinomial(
    seeds, np.full(seeds, 1 / seeds), size=resamples
  )
  means = means + factor * (times @ apart) / seeds
  n = n.reshape(seeds, metrics)[0]
  return Resampled(value, means, np.sqrt(of_users + of_seeds), freedom, n)


def bootstrap(
  values: np.ndarray,
  *,
  groups: np.ndarray | None = None,
  resamples: int = 1000,
  confidence: float = 0.95,
  seed: int = 0,
) -> Interval:
  """Mean and percentile interval of every column of one seed, over users.

  Args:
    values: `[R, M]` (or `[R]`, for one metric); NaN where a request does not
      count for a metric.
    groups: `[R]` the user of each request; None when each stands for itself.
    resamples: The number of times that the groups are drawn, see `resample`.
    confidence: The share of the resampled means between `low` and `high`.
    seed: The seed of the draws.

  Returns:
    One figure per column; NaN in a column where nothing counts. The interval
    always holds the mean.
  """
  columns = np.asarray(values, np.float64).reshape(1, len(values), -1)
  found = resample(columns, groups=groups, resamples=resamples, seed=seed)
  return found.interval(confidence)


def paired_difference(
  values: np.ndarray,
  baseline: np.ndarray,
  *,
  groups: np.ndarray | None = None,
  resamples: int = 1000,
  confidence: float = 0.95,
  seed: int = 0,
) -> Interval:
  """Mean of `values - baseline`, both `[R, M]`, over the same requests.

  What is hard for both systems cancels, so this is narrower than two intervals
  side by side. An interval that leaves out 0 says that other users would hardly
  turn the sign; of other seeds it says nothing. The other arguments are those
  of `bootstrap`.
  """
  return bootstrap(
    np.asarray(values) - np.asarray(baseline),
    groups=groups,
    resamples=resamples,
    confidence=confidence,
    seed=seed,
  )


def _user_means(
  columns: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """`[C]` means, `[K, C]` means over drawn users and `[C]` counts."""
  counts = ~np.isnan(columns)
  _, group = np.unique(groups, return_inverse=True)
  sums = _per_group(np.where(counts, columns, 0.0), group)
  # Columns that share their requests (all metrics of a segment) share sizes.
  patterns, pattern = np.unique(counts, axis=1, return_inverse=True)
  sizes = _per_group(patterns.astype(np.float64), group)
  n = sizes.sum(axis=0)[pattern]
  with np.errstate(invalid="ignore"):
    value = sums.sum(axis=0) / n
    means = np.concatenate(
      [
        (weights @ sums) / (weights @ sizes)[:, pattern]
        for weights in draws(len(sums), resamples, seed)
      ]
    )
  return value, means, n.astype(np.int64)


def _per_group(columns: np.ndarray, group: np.ndarray) -> np.ndarray:
  """`[G, M]` sums of `columns [R, M]`."""
  order = np.argsort(group, kind="stable")
  starts = np.flatnonzero(np.diff(group[order], prepend=-1))
  if not len(starts):
    return np.zeros((0, columns.shape[1]))
  return np.add.reduceat(columns[order], starts, axis=0)


def draws(num_groups: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
  """Blocks `[b, G]` of how often each of the groups is drawn.

  With one seed the draws are the same groups for anybody who has as many.
  """
  rng = np.random.default_rng(seed)
  block = max(1, _BLOCK // max(num_groups, 1))
  for start in range(0, resamples, block):
    rows = min(block, resamples - start)
    drawn = rng.integers(num_groups or 1, size=(rows, num_groups))
    drawn += np.arange(rows)[:, None] * num_groups
    counts = np.bincount(drawn.ravel(), minlength=rows * num_groups)
    yield counts.reshape(rows, num_groups).astype(np.float64)


def _quantiles(means: np.ndarray, tail: float) -> np.ndarray:
  """`[2, M]`; draws in which nothing counted (NaN) are left out."""
  with warnings.catch_warnings():
    # A column without any figure has no interval.
    warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
    return np.nanquantile(means, [tail, 1 - tail], axis=0)
