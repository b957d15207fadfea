r"""NE: how much of the uncertainty about a label predictions leave.

  NE = -mean(y log p + (1 - y) log(1 - p)) / H(mean y)

`H` is the entropy of a coin with the share of the labels: 1 for predictions
that only know the base rate, 0 for those that know the label (He et al. 2014).
"""

import numpy as np

from gr_jax.evaluation.intervals import draws

_LEAST = 1e-7


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """`[n]` float64, `-y log p - (1 - y) log(1 - p)`; `p` within 1e-7 of 0, 1."""
  p = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
  y = np.asarray(labels, np.float64)
  return -(y * np.log(p) + (1 - y) * np.log1p(-p))


def normalized_entropy(
  probabilities: np.ndarray,
  labels: np.ndarray,
) -> float:
  """NE of `[n]` predictions; NaN where all labels are the same.

  Args:
    probabilities: `[n]`.
    labels: `[n]` in [0, 1].
  """
  rate = float(np.mean(labels)) if len(labels) else 0.0
  if not 0 < rate < 1:
    return float("nan")
  return float(log_losses(probabilities, labels).mean() / _entropy(rate))


def resampled_entropy(
  probabilities: np.ndarray,
  labels: np.ndarray,
  users: np.ndarray,
  *,
  resamples: int = 500,
  seed: int = 0,
) -> np.ndarray:
  """`[K]` NE of draws of users with replacement.

  With one seed the draws are the same users for any predictions of the same
  rows: differences of two results are paired.

  Args:
    probabilities: `[n]`.
    labels: `[n]`.
    users: `[n]` the user of each row.
    resamples: `K`.
    seed: the seed of the draws.
  """
  _, user = np.unique(users, return_inverse=True)
  count = np.bincount(user)
  loss = np.bincount(user, log_losses(probabilities, labels))
  positive = np.bincount(user, np.asarray(labels, np.float64))
  found = []
  for drawn in draws(len(count), resamples, seed):
    total = drawn @ count
    with np.errstate(invalid="ignore", divide="ignore"):
      found.append(drawn @ loss / total / _entropy(drawn @ positive / total))
  return np.concatenate(found)


def _entropy(rate):
  """`H` of a coin, in nats."""
  return -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
