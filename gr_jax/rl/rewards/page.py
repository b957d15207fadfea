"""Rewards of items, and of the IDs that name them.

A reward is a function of pairs: `reward(requests, items)` with `[n]` request
rows and `[n]` catalogue rows gives `[n]` numbers. One's own is five lines:

  def cheap(requests, items):
    return 1.0 / (1.0 + catalogue.values[items])

  reward = best_of_items(cheap, semantic_ids)

The last line makes it a reward of IDs, `[B, G]`, which is what a rollout has.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, Requests
from gr_jax.tokenizers.semantic_ids import SemanticIds

# From request rows `[n]` and item rows `[n]` to `[n]`.
ItemReward = Callable[[np.ndarray, np.ndarray], np.ndarray]
# From request rows `[B]` and ID rows `[B, G]`, -1 = names nothing, to `[B, G]`.
IdReward = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class PageRewardConfig:
  """What the page of a request makes an item worth (EG-GRPO).

  Attributes:
    ordered: in P_pay.
    clicked: in P_clk.
    exposed: in P_exp.
    valid: any other item.
  """

  ordered: float = 1.0
  clicked: float = 1.0
  exposed: float = 0.5
  valid: float = 0.1


class PageReward:
  """The business reward of EG-GRPO: what the log says of an item.

    R(o) = 1 if o in P_pay, else 1 if o in P_clk, else 0.5 if o in P_exp,
           else 0.1 if o in S_valid, else 0

  The first match counts, not the sum. The last case is that of IDs without an
  item, which `best_of_items` answers.

  Args:
    requests: with their pages.
    config: the four values.
  """

  def __init__(
    self, requests: Requests, config: PageRewardConfig | None = None
  ):
    config = PageRewardConfig() if config is None else config
    self._values = np.zeros(4, np.float32)
    self._values[[EXPOSED + 1, CLICKED + 1, ORDERED + 1, 0]] = (
      config.exposed, config.clicked, config.ordered, config.valid
    )  # fmt: skip
    request = requests.page_request
    self._span = int(requests.page_item.max(initial=0)) + 1
    keys = request * self._span + requests.page_item
    # Of an item that is on a page twice the highest kind comes last.
    order = np.lexsort((requests.page_kind, keys))
    keys, kinds = keys[order], requests.page_kind[order]
    last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    self._keys, self._kinds = keys[last], kinds[last]

  def __call__(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[n]` float32."""
    keys = requests * self._span + items
    place = np.searchsorted(self._keys, keys)
    place = np.minimum(place, len(self._keys) - 1)
    found = (self._keys[place] == keys) & (items < self._span)
    return self._values[np.where(found, self._kinds[place] + 1, 0)]


def validity(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
  """`[n]` 1 for every item; as a reward of IDs, 0 where they name none."""
  del requests
  return np.ones(len(items), np.float32)


def product(rewards: Sequence[ItemReward]) -> ItemReward:
  """`prod_k r_k(request, item)`: preference x gate, `r_i = G_i r_pref_i`.

  The hybrid reward of GenRec (arXiv 2604.14878).
  """

  def reward(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    values = [one(requests, items) for one in rewards]
    return np.prod(np.asarray(values, np.float32), axis=0)

  return reward


def best_of_items(reward: ItemReward, semantic_ids: SemanticIds) -> IdReward:
  """An ID is worth its best item; 0 where it names none.

  With `PageReward` this is the paper's `o in P`: an ID is in the set when one
  of its items is.
  """
  return _of_items(reward, semantic_ids, np.maximum)


def mean_of_items(reward: ItemReward, semantic_ids: SemanticIds) -> IdReward:
  """An ID is worth the mean of its items; 0 where it names none `[OURS]`.

  For learned rewards: the best of many guesses is mostly the largest error.
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
      values = reward(np.repeat(owner[kept], sizes), items[place])
      out[kept] = merge.reduceat(values, starts)
    return out.reshape(ids.shape)

  return id_reward
