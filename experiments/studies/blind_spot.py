"""A preference model with a planted mistake, and the truth of a known world."""

import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.worlds.shop_world import ShopWorld
from gr_jax.rl.rewards.items import ItemReward


def blind_category(catalogue: Catalogue, *, share: float) -> int:
  """The least bought first-level category of at least `share` of the items."""
  category = catalogue.categories[:, 0]
  known = category >= 0
  items = np.bincount(category[known])
  bought = np.bincount(category[known], catalogue.popularity[known])
  large = items >= share * len(catalogue)
  rate = np.where(large, bought / np.maximum(items, 1), np.inf)
  return int(np.argmin(rate))


def with_blind_spot(
  reward: ItemReward, catalogue: Catalogue, *, share: float, score: float
) -> ItemReward:
  """`max(reward, score)` for the items of `blind_category`."""
  blind = catalogue.categories[:, 0] == blind_category(catalogue, share=share)

  def fooled(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    values = reward(requests, items)
    return np.where(blind[items], np.maximum(values, score), values)

  return fooled


def truth(world: ShopWorld) -> ItemReward:
  """The probability of a click that the world itself has."""
  log = world.requests

  def reward(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    found = world.click_probability(
      log.user[requests], log.time[requests], log.query[requests],
      items[:, None],
    )  # fmt: skip
    return found[:, 0]

  return reward
