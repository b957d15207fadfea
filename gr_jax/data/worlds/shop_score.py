"""What a shopper thinks of an item: the ground truth of ShopWorld."""

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig


def preference(
  interest: np.ndarray, query_x: np.ndarray, config: ShopWorldConfig
) -> np.ndarray:
  """[R, D] w = interest * user_x + relevance * query_x of both [R, D]."""
  w = config.interest * interest + config.relevance * query_x
  return w.astype(np.float32)


def click_probability(
  dots: np.ndarray, appeal: np.ndarray, config: ShopWorldConfig
) -> np.ndarray:
  """sigmoid(bias + <w, x_i> + appeal_i), elementwise."""
  # The tanh form of the sigmoid cannot overflow.
  return 0.5 + 0.5 * np.tanh((config.bias + dots + appeal) / 2)
