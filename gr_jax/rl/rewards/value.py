r"""What showing an item is worth: the chance of a click, times what one pays.

$$ v(r, i) = \hat p(click | r, i) \, w_i $$

The eCPM of GR4AD (arXiv 2602.22732), but for the thousand: a platform knows
what a click on an ad pays, and a model of clicks knows the rest. Of a shop
`w_i` is the price.
"""

import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.rl.rewards.items import ItemReward


def value_reward(clicks: ItemReward, catalogue: Catalogue) -> ItemReward:
  """`v(r, i)` of request and item rows `[n]`.

  Args:
    clicks: the probability of a click.
    catalogue: its `values` are what clicks pay; unknown ones are worth the mean
      of the others, and 0 what is `free`.

  Raises:
    ValueError: the catalogue has no values, or negative ones.
  """
  worth = catalogue.values
  known = catalogue.priced
  if not worth.any() or worth.min() < 0:
    raise ValueError(
      f"{known.sum()} of {len(worth)} items have a value, the least is "
      f"{worth.min(initial=0):g}: a value reward needs values above 0."
    )
  worth = np.where(known, worth, worth[known].mean())

  def value(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    return clicks(requests, items) * worth[items]

  return value
