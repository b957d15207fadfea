r"""From scores to probabilities: Platt scaling, and how far off they are.

  $p = \sigma(a s + b)$

`a` and `b` minimise the log loss on rows that the model was not fitted on. A
map of two numbers cannot overfit a few thousand rows, keeps the order, and
undoes what weighting orders and drawing negatives did to the mean.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


class Platt(NamedTuple):
  """The map of Platt (1999); `Platt(1.0, 0.0)` is the plain sigmoid."""

  slope: float
  offset: float

  def __call__(self, scores: np.ndarray) -> np.ndarray:
    """`[n]` float32 probabilities of `[n]` scores."""
    x = self.slope * np.asarray(scores, np.float64) + self.offset
    # The tanh form of the sigmoid cannot overflow.
    return (0.5 + 0.5 * np.tanh(x / 2)).astype(np.float32)


def fit_platt(scores: np.ndarray, labels: np.ndarray) -> Platt:
  """Minimises the log loss of Platt's softened labels.

  Labels of `(n1 + 1) / (n1 + 2)` and `1 / (n0 + 2)` keep the answer finite
  where the scores separate the labels, or all labels are the same.

  Args:
    scores: `[n]`.
    labels: `[n]` bool.
  """
  positives = int(labels.sum())
  negatives = len(labels) - positives
  target = np.where(
    labels, (positives + 1) / (positives + 2), 1 / (negatives + 2)
  )
  x = np.stack((scores, np.ones(len(scores))), axis=1).astype(np.float64)

  def loss(weights: np.ndarray) -> float:
    z = x @ weights
    return np.sum(np.logaddexp(0, z) - target * z)

  def gradient(weights: np.ndarray) -> np.ndarray:
    return x.T @ (expit(x @ weights) - target)

  def hessian(weights: np.ndarray) -> np.ndarray:
    p = expit(x @ weights)
    return (x * (p * (1 - p))[:, None]).T @ x

  start = [0.0, np.log((positives + 1) / (negatives + 1))]
  found = minimize(
    loss, start, method="Newton-CG", jac=gradient, hess=hessian, tol=1e-12
  )
  return Platt(*map(float, found.x))


def calibration_error(
  probabilities: np.ndarray, labels: np.ndarray, *, bins: int = 10
) -> float:
  """`sum_b n_b / n |mean p - mean label|` over bins of equal counts."""
  order = np.argsort(probabilities, kind="stable")
  parts = np.array_split(order, min(bins, len(order)))
  gaps = [
    len(part) * abs(probabilities[part].mean() - labels[part].mean())
    for part in parts
  ]
  return float(np.sum(gaps) / len(order))
