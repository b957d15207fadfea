"""Rewards of items, and of the IDs that name them.

A reward is a function of pairs: `reward(requests, items)` with `[n]` request
rows and `[n]` catalogue rows gives `[n]` numbers. One's own is five lines:

  def cheap(requests, items):
    return 1.0 / (1.0 + catalogue.values[items])

  reward = best_of_items(cheap, semantic_ids)

The last line makes it a reward of IDs, `[B, G]`, which is what a rollout has,
and checks every value: a price that is -1 would make this one infinite. A price
of 0 is unknown, but for what is free: `catalogue.priced` tells them apart.
"""

from collections.abc import Callable, Sequence

import numpy as np

from gr_jax.rl.rewards.checked import checked_values, reward_name
from gr_jax.tokenizers.semantic_ids import SemanticIds

# From request rows `[n]` and item rows `[n]` to `[n]`.
ItemReward = Callable[[np.ndarray, np.ndarray], np.ndarray]
# From request rows `[B]` and ID rows `[B, G]`, -1 = names nothing, to `[B, G]`.
IdReward = Callable[[np.ndarray, np.ndarray], np.ndarray]


def validity(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
  """Ones `[n]`; as a reward of IDs, 0 where they name no item."""
  del requests
  return np.ones(len(items), np.float32)


def product(rewards: Sequence[ItemReward]) -> ItemReward:
  """`prod_k r_k(request, item)`: preference x gate, `r_i = G_i r_pref_i`.

  The hybrid reward of GenRec (arXiv 2604.14878).

  Raises:
    BadReward: on a call, where a factor is not finite.
  """

  def reward(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    values = [
      checked_values(
        one(requests, items), requests, items, name=reward_name(one)
      )
      for one in rewards
    ]
    with np.errstate(over="ignore"):  # The product is checked as a reward.
      return np.prod(np.asarray(values, np.float32), axis=0)

  return reward


def best_of_items(reward: ItemReward, semantic_ids: SemanticIds) -> IdReward:
  """The reward of an ID is that of its best item, or 0 if it names none.

  With `PageReward` this is the paper's `o in P`: an ID is in the set when one
  of its items is.

  Raises:
    BadReward, ValueError: on a call, where `reward` does not give one finite
      number for each pair; see `checked_values`.
  """
  return _of_items(reward, semantic_ids, np.maximum)


def mean_of_items(reward: ItemReward, semantic_ids: SemanticIds) -> IdReward:
  """The reward of an ID is the mean of its items, or 0 if it names none.

  `[OURS]`, for learned rewards: the best of many guesses is mostly the largest
  error.

  Raises:
    BadReward, ValueError: as `best_of_items`.
  """
  sizes = np.diff(semantic_ids.item_offsets)
  total = _of_items(reward, semantic_ids, np.add)

  def id_reward(requests: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return total(requests, ids) / sizes[ids]  # Row -1 has a total of 0.

  return id_reward


def _of_items(
  reward: ItemReward, semantic_ids: SemanticIds, merge: np.ufunc
) -> IdReward:
  offsets, items = semantic_ids.item_offsets, semantic_ids.items

  def id_reward(requests: np.ndarray, ids: np.ndarray) -> np.ndarray:
    ids = np.asarray(ids)
    owner = np.repeat(np.asarray(requests), ids.shape[1])
    flat = ids.ravel()
    kept = np.flatnonzero(flat >= 0)
    out = np.zeros(flat.shape, np.float32)
    if len(kept):
      begin = offsets[flat[kept]]
      sizes = offsets[flat[kept] + 1] - begin
      starts = np.cumsum(sizes) - sizes
      place = np.arange(sizes.sum()) + np.repeat(begin - starts, sizes)
      asked, named = np.repeat(owner[kept], sizes), items[place]
      values = checked_values(
        reward(asked, named), asked, named, name=reward_name(reward)
      )
      out[kept] = merge.reduceat(values, starts)
    return out.reshape(ids.shape)

  return id_reward
