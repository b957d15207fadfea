"""Bootstrap intervals over requests, or over the users who made them."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

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


def bootstrap(
  values: np.ndarray,
  *,
  groups: np.ndarray | None = None,
  resamples: int = 1000,
  confidence: float = 0.95,
  seed: int = 0,
) -> Interval:
  """Mean and percentile bootstrap interval of every column.

  Requests of one user are not independent: a household that buys the same milk
  every week is one piece of evidence, not fifty. So whole groups are drawn with
  replacement (the cluster bootstrap): with `w_g` the times that group `g` is
  drawn,

    mean* = Σ_g w_g Σ_{r in g} values[r]  /  Σ_g w_g |g|

  The same seed draws the same groups for every system. Source: Efron and
  Tibshirani 1993, chapter 13; Field and Welsh 2007 for clusters.

  Args:
    values: `[R, M]` (or `[R]`, for one metric); NaN where a request does not
      count for a metric.
    groups: `[R]` the user of each request; None when each stands for itself.
    resamples: the number of times that the groups are drawn.
    confidence: the share of the resampled means between `low` and `high`.
    seed: the seed of the draws.

  Returns:
    One figure per column; NaN in a column where nothing counts. The interval
    always holds the mean.
  """
  columns = np.asarray(values, np.float64).reshape(len(values), -1)
  counts = ~np.isnan(columns)
  if groups is None:
    groups = np.arange(len(columns))
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
        for weights in _draws(len(sums), resamples, seed)
      ]
    )
  low, high = _quantiles(means, (1 - confidence) / 2)
  low, high = np.fmin(low, value), np.fmax(high, value)
  return Interval(value, low, high, n.astype(np.int64))


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
  side by side. A difference is real when the interval leaves out 0. The other
  arguments are those of `bootstrap`.
  """
  return bootstrap(
    np.asarray(values) - np.asarray(baseline),
    groups=groups,
    resamples=resamples,
    confidence=confidence,
    seed=seed,
  )


def _per_group(columns: np.ndarray, group: np.ndarray) -> np.ndarray:
  """`[G, M]` sums of `columns [R, M]`."""
  order = np.argsort(group, kind="stable")
  starts = np.flatnonzero(np.diff(group[order], prepend=-1))
  if not len(starts):
    return np.zeros((0, columns.shape[1]))
  return np.add.reduceat(columns[order], starts, axis=0)


def _draws(num_groups: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
  """Blocks `[b, G]` of how often each group is drawn."""
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
