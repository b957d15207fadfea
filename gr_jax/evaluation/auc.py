"""AUC: the quality of scores that rank clicks above impressions without one.

AUC is the share of (positive, negative) pairs that are in the right order, ties
counting half. GAUC is the mean of the AUC inside each group (a request or a
user), weighted by the group's rows: scores that only separate popular users or
easy queries from the others gain nothing in it.
"""

import numpy as np

from gr_jax.evaluation.intervals import draws


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
  """Area under the ROC curve of `[n]` scores and `[n]` bool labels.

  NaN where all labels are the same.
  """
  return grouped_auc(scores, labels, np.zeros(len(scores), np.int64))


def grouped_auc(
  scores: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> float:
  """`sum_g n_g AUC_g / sum_g n_g` over groups `[n]` that have both labels."""
  found, rows = _by_group(scores, labels, groups)
  both = ~np.isnan(found)
  if not both.any():
    return float("nan")
  return float(np.average(found[both], weights=rows[both]))


def resampled_auc(
  scores: np.ndarray,
  labels: np.ndarray,
  users: np.ndarray,
  *,
  resamples: int = 200,
  seed: int = 0,
) -> np.ndarray:
  """`[K]` AUC of draws of users with replacement, NaN of one label alone.

  With one seed the draws are the same users for any scores of the same rows:
  differences of two results are paired.

  Args:
    scores: `[n]`.
    labels: `[n]` bool.
    users: `[n]` the user of each row.
    resamples: `K`.
    seed: the seed of the draws.
  """
  _, user = np.unique(users, return_inverse=True)
  order = np.argsort(scores, kind="stable")
  user, y = user[order], np.asarray(labels)[order].astype(bool)
  # Scores that are equal are one step of the ROC curve.
  step = np.cumsum(np.diff(scores[order], prepend=np.nan) != 0) - 1
  users_of = [user[~y], user[y]]
  steps_of = [step[~y], step[y]]
  size, found = int(step[-1]) + 1 if len(step) else 0, []
  for block in draws(int(user.max(initial=-1)) + 1, resamples, seed):
    for drawn in block:
      negatives, positives = (
        np.bincount(steps, drawn[of], size)
        for steps, of in zip(steps_of, users_of, strict=True)
      )
      above = positives @ (np.cumsum(negatives) - 0.5 * negatives)
      pairs = positives.sum() * negatives.sum()
      found.append(above / pairs if pairs else np.nan)
  return np.array(found)


def resampled_grouped_auc(
  scores: np.ndarray,
  labels: np.ndarray,
  groups: np.ndarray,
  users: np.ndarray,
  *,
  resamples: int = 200,
  seed: int = 0,
) -> np.ndarray:
  """`[K]` GAUC of draws of users; groups `[n]` have one user each."""
  values, rows = _by_group(scores, labels, groups)
  _, first = np.unique(groups, return_index=True)
  _, user = np.unique(users, return_inverse=True)
  both = ~np.isnan(values)
  of, count = user[first][both], int(user.max(initial=-1)) + 1
  weight = np.bincount(of, rows[both], count)
  total = np.bincount(of, rows[both] * values[both], count)
  with np.errstate(invalid="ignore", divide="ignore"):
    found = [
      block @ total / (block @ weight)
      for block in draws(count, resamples, seed)
    ]
  return np.concatenate(found)


def _by_group(
  scores: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """`[G]` AUC of each group, NaN where labels are the same; `[G]` its rows."""
  if not len(scores):
    return np.zeros(0), np.zeros(0)
  _, groups = np.unique(groups, return_inverse=True)
  order = np.lexsort((scores, groups))
  scores, groups = scores[order], groups[order]
  labels = labels[order].astype(np.float64)
  begin = np.searchsorted(groups, groups)
  changes = (np.diff(scores) != 0) | (np.diff(groups) != 0)
  run = np.concatenate(([0], np.cumsum(changes)))
  # Ties share the mean of their places, counted from 1 inside the group.
  place = np.arange(len(scores)) - begin + 1.0
  rank = (np.bincount(run, place) / np.bincount(run))[run]
  rows = np.bincount(groups)
  positives = np.bincount(groups, labels)
  pairs = positives * (rows - positives)
  above = np.bincount(groups, rank * labels) - positives * (positives + 1) / 2
  with np.errstate(invalid="ignore", divide="ignore"):
    return np.where(pairs > 0, above / pairs, np.nan), rows
