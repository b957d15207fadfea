r"""From scores to probabilities: Platt scaling, and how far off they are.

  $p = \sigma(a s + b)$

`a` and `b` minimise the log loss on rows that the model was not fitted on. A
map of two numbers cannot overfit a few thousand rows, keeps the order, and
undoes what weighting orders and drawing negatives did to the mean.
"""

from typing import NamedTuple

import numpy as np

_ITERATIONS = 50


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
  """Newton's method on the log loss, with Platt's softened labels.

  Labels of `(n1 + 1) / (n1 + 2)` and `1 / (n0 + 2)` keep the answer finite
  where the scores separate the labels, or all labels are the same.

  Args:
    scores: `[n]`.
    labels: `[n]` bool.
  """
  scores = np.asarray(scores, np.float64)
  positives = int(labels.sum())
  high = (positives + 1) / (positives + 2)
  low = 1 / (len(labels) - positives + 2)
  target = np.where(labels, high, low)
  x = np.stack((scores, np.ones_like(scores)), axis=1)
  weights = np.array([0.0, np.log((positives + 1) / (1 / low - 1))])
  loss = _log_loss(x @ weights, target)
  for _ in range(_ITERATIONS):
    p = 0.5 + 0.5 * np.tanh(x @ weights / 2)
    gradient = x.T @ (p - target)
    hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2)
    move = np.linalg.solve(hessian, gradient)
    # Halved until the loss falls: a full step may overshoot.
    for _ in range(_ITERATIONS):
      moved = _log_loss(x @ (weights - move), target)
      if moved <= loss:
        break
      move = move / 2
    else:
      break
    weights = weights - move
    if loss - moved < 1e-12 * max(1.0, loss):
      break
    loss = moved
  return Platt(float(weights[0]), float(weights[1]))


def _log_loss(x: np.ndarray, target: np.ndarray) -> float:
  return float(np.sum(np.logaddexp(0, x) - target * x))


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
