"""The reward that the page of a request gives an item."""

import dataclasses

import numpy as np

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, Requests


@dataclasses.dataclass(frozen=True)
class PageRewardConfig:
  """The worth of an item by its place on the page of a request (EG-GRPO).

  Attributes:
    ordered: the reward of an item in P_pay.
    clicked: the reward of an item in P_clk.
    exposed: the reward of an item in P_exp.
    valid: the reward of any other item.
  """

  ordered: float = 1.0
  clicked: float = 1.0
  exposed: float = 0.5
  valid: float = 0.1

  def __post_init__(self):
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if not np.isfinite(np.float32(value)):
        raise ValueError(
          f"the page reward's {field.name} is {value}; give a finite number."
        )


class PageReward:
  """The business reward of EG-GRPO (arXiv 2605.14434), read from the log.

    R(o) = 1 if o in P_pay, else 1 if o in P_clk, else 0.5 if o in P_exp,
           else 0.1 if o in S_valid, else 0

  The first match counts, not the sum. The last case is that of IDs without an
  item, which `best_of_items` answers.

  Args:
    requests: requests with their pages.
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
