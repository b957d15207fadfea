"""How much each of the nearest neighbours counts."""

import numpy as np


def neighbour_weights(cosines: np.ndarray, temperature: float) -> np.ndarray:
  """`[n, K]`, in proportion to `exp(cosine / temperature)`, sums of 1.

  What is not alike at all, of a cosine of 0 or less, counts nothing; a row of
  such neighbours alone is 0.

  Args:
    cosines: `[n, K]`.
    temperature: the smaller, the more the nearest counts.
  """
  nearest = cosines.max(axis=1, keepdims=True, initial=0)
  weights = np.exp((cosines - nearest) / temperature) * (cosines > 0)
  return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
