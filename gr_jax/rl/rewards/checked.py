"""Rewards are checked where they enter: shape, type and finiteness.

One NaN among the rewards of a batch makes every parameter NaN, so training
stops at it, and the error names the request, the item and the value.
"""

from typing import Any, NamedTuple

import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.finite import NotFinite


class Pair(NamedTuple):
  """What a reward was asked about, by rows; None where that is not known.

  `id` is the row of a semantic ID, -1 for codes that name nothing.
  """

  request: int | None = None
  item: int | None = None
  id: int | None = None


class BadReward(NotFinite):
  """A reward that is no finite number.

  Attributes:
    reward: the name of its function.
    value: what it gave.
    pair: what it was asked.
    place: words for it; `name_rows` makes better ones.
    step: the update that it would have gone into; 0 outside of training.
    kept: the step of the last checkpoint; 0 where there is none.
  """

  def __init__(self, reward: str, value: Any, pair: Pair, place: str = ""):
    super().__init__(reward, value, pair, place)
    self.reward, self.value, self.pair = reward, value, pair
    self.place = place or _rows(pair)
    self.step = self.kept = 0

  def __str__(self) -> str:
    text = f"{self.reward} is {self.value} for {self.place}"
    if self.step:
      text = f"alignment stopped at step {self.step}: {text}"
    text += "; a reward must return a finite number."
    if self.kept:
      text += f" The checkpoint of step {self.kept} is kept."
    return text

  def name_rows(
    self, requests: Requests, catalogue: Catalogue, ids: SemanticIds
  ) -> None:
    """Makes the message say what the rows are."""
    found = []
    if (row := self.pair.request) is not None:
      query = requests.query[row]
      found.append(
        f"request {row} ({str(requests.queries[query])!r})"
        if query >= 0
        else f"request {row} of user {requests.user_ids[requests.user[row]]}"
      )
    if (row := self.pair.item) is not None:
      price = catalogue.values[row]
      found.append(f"item {catalogue.item_ids[row]} (price {price:g})")
    if (row := self.pair.id) is not None and row >= 0:
      first, last = ids.item_offsets[row : row + 2]
      named = catalogue.item_ids[ids.items[first:last][:3]]
      more = "" if last - first <= 3 else f" and {last - first - 3} more"
      found.append(f"the ID of item {', '.join(named)}{more}")
    self.place = ", ".join(found) or self.place


def reward_name(reward: Any) -> str:
  """How an error calls a reward: by its function's name, or its class's."""
  name = getattr(reward, "__name__", type(reward).__name__)
  return "the reward" if name in ("reward", "<lambda>") else f"reward {name}"


def checked_values(
  values: Any, requests: np.ndarray, items: np.ndarray, *, name: str
) -> np.ndarray:
  """Values `[n]` float32 of request rows and item rows `[n]`.

  Raises:
    BadReward: one of them is None, NaN or infinite as float32.
    ValueError: they are not `n` real numbers.
  """

  def pair(at: tuple[int, ...]) -> BadReward:
    where = Pair(int(value_at(requests, at)), int(value_at(items, at)))
    return BadReward(name, value_at(values, at), where)

  return _checked(values, np.shape(items), name, pair)


def checked_group(
  values: Any, shape: tuple[int, ...], *, name: str = "the reward"
) -> np.ndarray:
  """Values `[B, G]` float32 of a group each, of which no more is known."""

  def place(at: tuple[int, ...]) -> BadReward:
    words = f"prompt {at[0]} of the batch, member {at[1]}"
    return BadReward(name, value_at(values, at), Pair(), words)

  return _checked(values, shape, name, place)


def checked_ids(
  values: Any, requests: np.ndarray, ids: np.ndarray, *, name: str
) -> np.ndarray:
  """Values `[B, G]` float32 of request rows `[B]` and ID rows `[B, G]`.

  Raises:
    As `checked_values`.
  """

  def pair(at: tuple[int, ...]) -> BadReward:
    where = Pair(int(requests[at[0]]), id=int(ids[at]))
    return BadReward(name, value_at(values, at), where)

  return _checked(values, np.shape(ids), name, pair)


def value_at(values: Any, at: tuple[int, ...]) -> Any:
  """The value as it was returned, in any float or as an object."""
  return np.asarray(values)[at]


def _checked(values: Any, shape, name: str, error) -> np.ndarray:
  found = np.asarray(values)
  if found.shape != tuple(shape):
    raise ValueError(
      f"{name} has shape {list(found.shape)}, {list(shape)} is wanted: return "
      "one number for each item asked."
    )
  if found.dtype == object:
    # A None among numbers.
    numbers = [isinstance(x, int | float | np.number) for x in found.ravel()]
    if not all(numbers):
      raise error(np.unravel_index(numbers.index(False), found.shape))
  elif found.dtype.kind not in "buif":
    raise ValueError(f"{name} has type {found.dtype}: return real numbers.")
  with np.errstate(over="ignore"):
    single = found.astype(np.float32)
  if not np.isfinite(single).all():
    first = int(np.argmin(np.isfinite(single)))
    raise error(np.unravel_index(first, found.shape))
  return single


def _rows(pair: Pair) -> str:
  named = [
    f"{name} row {row}"
    for name, row in zip(("request", "item", "ID"), pair)
    if row is not None
  ]
  return ", ".join(named)
