"""AUC: the quality of scores that rank clicks above impressions without one.

AUC is the share of (positive, negative) pairs that are in the right order, ties
counting half. GAUC is the mean of the AUC inside each group (a request or a
user), weighted by the group's rows: scores that only separate popular users or
easy queries from the others gain nothing in it.
"""

import numpy as np


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
  """Area under the ROC curve of `[n]` scores and `[n]` bool labels.

  NaN where all labels are the same.
  """
  return grouped_auc(scores, labels, np.zeros(len(scores), np.int64))


def grouped_auc(
  scores: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> float:
  """`sum_g n_g AUC_g / sum_g n_g` over groups `[n]` that have both labels."""
  if not len(scores):
    return float("nan")
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
  both = pairs > 0
  if not both.any():
    return float("nan")
  return float(np.average(above[both] / pairs[both], weights=rows[both]))
