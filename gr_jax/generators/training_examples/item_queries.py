"""The text of an item in place of the query that led to it.

A generator that reads text learns from it what its codes name: of CQ-SID's
tasks (arXiv 2605.14434) the first, title -> ID.
"""

import numpy as np


class ItemQueries:
  """Replaces queries by the texts of their targets.

  Args:
    tokens: `[N, Q]` of every item's text, as wide as queries are.
    share: the share of targets whose query is replaced.

  Raises:
    ValueError: the share is not in 0 .. 1.
  """

  def __init__(self, tokens: np.ndarray, *, share: float):
    if not 0 <= share <= 1:
      raise ValueError(f"text_share is {share}; give a share from 0 to 1.")
    self._tokens, self.share = tokens, share

  def __call__(
    self, queries: np.ndarray, item: np.ndarray, rng: np.random.Generator
  ) -> np.ndarray:
    """Queries `[B, P, Q]`, some of them replaced by texts of `item [B, P]`."""
    replaced = rng.random(item.shape) < self.share
    return np.where(replaced[..., None], self._tokens[item], queries)
