r"""What targets were worth, and how much each of them counts.

GR4AD (arXiv 2602.22732) weighs a sample by its user and by what they did,
`w = w_user w_behavior`. Here `[OURS]`

$$ w_{user} = \left(\frac{1 + V_u}{mean_u (1 + V_u)}\right)^a $$

with `V_u` the training value of all targets of a user, and `w_behavior` one
number each for a click and an order.
"""

import dataclasses

import numpy as np

from gr_jax.data.requests import CLICKED, ORDERED, TRAIN, Requests
from gr_jax.data.target_values import TargetValues, pair_keys
from gr_jax.generators.training_examples.single import TargetGroups
from gr_jax.objectives.value_buckets import sample_weights


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
  """The weights of samples.

  Attributes:
    clicked: the weight of a target that was clicked and not ordered.
    ordered: the weight of a target that was ordered.
    user_exponent: `a`; 0 = users count alike.

  Raises:
    ValueError: a weight is below 0, or something is not finite.
  """

  clicked: float = 1.0
  ordered: float = 1.0
  user_exponent: float = 0.0

  def __post_init__(self):
    for name, value in dataclasses.asdict(self).items():
      if not np.isfinite(value) or (name != "user_exponent" and value < 0):
        raise ValueError(f"{name} is {value}; give a finite number from 0 on.")


def with_values(
  groups: TargetGroups, requests: Requests, *, config: WeightsConfig
) -> TargetGroups:
  """Groups whose targets have a value and a weight.

  The value of a target is the largest that its page says of it.

  Args:
    groups: the targets, see `group_targets`.
    requests: the log that they come from.
    config: the weights.
  """
  bought = requests.page_kind == ORDERED
  ordered = np.isin(
    pair_keys(groups.request, groups.item),
    pair_keys(requests.page_request[bought], requests.page_item[bought]),
  )
  behaviour = np.where(ordered, config.ordered, config.clicked)
  factors = [behaviour]
  if config.user_exponent:
    worth = 1 + _training_values(requests)
    shares = (worth / worth.mean()) ** config.user_exponent
    factors.append(shares[requests.user[groups.request]])
  return dataclasses.replace(
    groups,
    value=TargetValues(requests).of(groups.request, groups.item),
    weight=sample_weights(*factors).astype(np.float32),
  )


def target_values(requests: Requests) -> np.ndarray:
  """`[n]`, what the clicks and orders of the training period were worth."""
  return requests.page_value[_training_targets(requests)]


def _training_values(requests: Requests) -> np.ndarray:
  """`[U]`, by user."""
  kept = _training_targets(requests)
  return np.bincount(
    requests.user[requests.page_request[kept]],
    np.maximum(requests.page_value[kept], 0),
    minlength=len(requests.user_ids),
  )


def _training_targets(requests: Requests) -> np.ndarray:
  split = requests.split[requests.page_request]
  return (requests.page_kind >= CLICKED) & (split == TRAIN)
