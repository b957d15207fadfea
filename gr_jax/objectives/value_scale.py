r"""A power of predicted values that is right on average.

What is trained with cross-entropy has its buckets' chances, and their mean
leans towards the middle: small values are predicted too high. Of predictions
$\hat v$ and what was paid for the same, `v`, this fits

$$ E[v] = s \, \hat v^p $$

as a Poisson regression with a log link, whose sums over all of the data are
those of the values (Platt's scaling, in logarithms). The order of predictions
stays as it was. `[OURS]`
"""

from typing import NamedTuple

import numpy as np

_STEPS, _FEWEST = 50, 50
_LEAST, _MOST = 0.25, 4.0  # Powers beyond are no matter of scale.


class ValueScale(NamedTuple):
  """What stands above: `scale` is `s`, `power` is `p`."""

  scale: float = 1.0
  power: float = 1.0


def fit_scale(predicted: np.ndarray, values: np.ndarray) -> ValueScale:
  """The scale of predictions `[N]` by values `[N]`, both at least 0.

  Where fewer than fifty predictions are above 0, nothing was paid, or no such
  power fits, predictions stay as they are.

  Raises:
    ValueError: shapes differ, or a number is negative or not finite.
  """
  predicted, values = (np.asarray(x, np.float64) for x in (predicted, values))
  if predicted.shape != values.shape:
    raise ValueError(
      f"{predicted.shape} predictions and {values.shape} values: give a value "
      "to each."
    )
  both = np.concatenate((predicted, values))
  if not np.isfinite(both).all() or (both < 0).any():
    raise ValueError("predictions and values are finite and at least 0.")
  kept = predicted > 0
  predicted, values = predicted[kept], values[kept]
  if len(values) < _FEWEST or not values.any():
    return ValueScale()
  # Newton's steps, from the scale that is right on average. Logarithms are
  # those over their mean, which keeps the two apart.
  middle = np.log(predicted).mean()
  logs = np.stack((np.ones_like(predicted), np.log(predicted) - middle), axis=1)
  found = np.array([np.log(values.sum() / predicted.sum()) + middle, 1.0])
  for _ in range(_STEPS):
    means = np.exp(np.clip(logs @ found, -700, 700))
    curvature = (logs * means[:, None]).T @ logs
    step, *_ = np.linalg.lstsq(curvature, logs.T @ (values - means), rcond=None)
    found += np.clip(step, -1, 1)
    if np.abs(step).max() < 1e-10:
      break
  else:
    return ValueScale()
  power = float(found[1])
  if not _LEAST <= power <= _MOST:
    return ValueScale()
  return ValueScale(float(np.exp(found[0] - power * middle)), power)
