r"""The hybrid reward of GenRec (arXiv 2604.14878): preference, gate, clicks.

  $r_i = G_i \, r^{pref}_i$, and $\tilde r_i = \max_j r_j$ for what was clicked

An ID is worth the mean of its items: the best of many learned guesses is mostly
the largest error.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from gr_jax.data.requests import CLICKED, Requests
from gr_jax.rl.advantages import lift_positives
from gr_jax.rl.rewards.items import (
  IdReward,
  ItemReward,
  mean_of_items,
  product,
)
from gr_jax.tokenizers.semantic_ids import SemanticIds

# From request rows `[B]` and ID rows `[B, G]` to `[B, G]` bool.
IsPositive = Callable[[np.ndarray, np.ndarray], np.ndarray]


def positives_of(requests: Requests, semantic_ids: SemanticIds) -> IsPositive:
  """A test for IDs that name something clicked or ordered on the own page."""
  request = requests.page_request
  kept = requests.page_kind >= CLICKED
  ids = semantic_ids.id_of_item[requests.page_item[kept]]
  keys = np.unique(request[kept] * semantic_ids.num_ids + ids)

  def is_positive(rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    wanted = np.asarray(rows, np.int64)[:, None] * semantic_ids.num_ids + ids
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return (keys[place] == wanted) & (np.asarray(ids) >= 0)

  return is_positive


def gated_reward(
  preference: ItemReward, gate: ItemReward, semantic_ids: SemanticIds
) -> IdReward:
  """`G_i r_i`; 0 for codes that name nothing."""
  return mean_of_items(product([preference, gate]), semantic_ids)


def lifted_reward(reward: IdReward, is_positive: IsPositive) -> IdReward:
  """`r~`: what was clicked is worth the best of its group."""

  def lifted(rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    values, positives = reward(rows, ids), is_positive(rows, ids)
    return np.asarray(
      lift_positives(jnp.asarray(values), jnp.asarray(positives))
    )

  return lifted
