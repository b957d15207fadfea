r"""Whether predicted values are right on average, at every height.

  $ECE = \sum_b \frac{n_b}{N} \frac{|mean_b \hat v - mean_b v|}{mean\ v}$

over buckets of equally many predictions, in the order of what was predicted.
"""

import numpy as np

from gr_jax.evaluation import intervals

BUCKETS = 20


def figures(
  predicted: np.ndarray, values: np.ndarray, *, buckets: int = BUCKETS
) -> dict[str, float]:
  """How far predictions `[N]` are off, beside the true values.

  Returns:
    `ece`; `chance`, what it would be of predictions that are right, by how far
    the values of a bucket are apart; `ratio`, the mean prediction over the mean
    value; and `rank_correlation`, Spearman's, of the two.
  """
  parts = _parts(predicted, buckets)
  off = [
    abs(predicted[part].mean() - values[part].mean()) * len(part)
    for part in parts
  ]
  # The mean size of a normal number is sqrt(2 / pi) of its deviation.
  chance = [
    np.sqrt(2 / np.pi * len(part)) * values[part].std() for part in parts
  ]
  ranks = np.stack(
    [np.argsort(np.argsort(x, kind="stable")) for x in (predicted, values)]
  )
  return {
    "ece": float(sum(off) / len(values) / values.mean()),
    "chance": float(sum(chance) / len(values) / values.mean()),
    "ratio": float(predicted.mean() / values.mean()),
    "rank_correlation": float(np.atleast_2d(np.corrcoef(ranks))[0, 1]),
  }


def reliability(
  predicted: np.ndarray,
  values: np.ndarray,
  *,
  users: np.ndarray | None = None,
  buckets: int = BUCKETS,
) -> list[dict[str, float]]:
  """The mean prediction and the mean value of each bucket.

  Args:
    predicted: `[N]`.
    values: `[N]`.
    users: `[N]`, drawn whole for the intervals; None = each is one by itself.
    buckets: At most, fewer where there are fewer values.

  Returns:
    Rows `{"predicted", "value", "low", "high", "n"}`, by rising prediction.
  """
  parts = _parts(predicted, buckets)
  columns = np.full((len(values), len(parts)), np.nan)
  for bucket, part in enumerate(parts):
    columns[part, bucket] = values[part]
  found = intervals.bootstrap(columns, groups=users)
  return [
    {"predicted": float(predicted[part].mean()), **found.row(bucket)}
    for bucket, part in enumerate(parts)
  ]


def _parts(predicted: np.ndarray, buckets: int) -> list[np.ndarray]:
  """The places of each bucket."""
  order = np.argsort(predicted, kind="stable")
  return np.array_split(order, max(1, min(buckets, len(order))))
