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
from gr_jax.generators.training_examples.single import TargetGroups
from gr_jax.objectives.value_buckets import sample_weights


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
  """The weights of samples.

  Attributes:
    clicked: of a target that was clicked and not ordered.
    ordered: of one that was ordered.
    user_exponent: `a`; 0 = users count alike.
  """

  clicked: float = 1.0
  ordered: float = 1.0
  user_exponent: float = 0.0


def with_values(
  groups: TargetGroups, requests: Requests, *, config: WeightsConfig
) -> TargetGroups:
  """Groups whose targets have a value and a weight.

  The value of a target is the largest that its page says of it.

  Args:
    groups: of `group_targets`.
    requests: the log that they are of.
    config: the weights.
  """
  kept = requests.page_kind >= CLICKED
  keys = _keys(requests.page_request[kept], requests.page_item[kept])
  order = np.lexsort((requests.page_value[kept], keys))
  keys, values = keys[order], requests.page_value[kept][order]
  kinds = requests.page_kind[kept][order]
  # The last of equal keys has the largest value.
  last = np.searchsorted(keys, _keys(groups.request, groups.item), "right") - 1
  ordered = np.zeros(len(keys), bool)
  first = np.searchsorted(keys, keys)
  np.logical_or.at(ordered, first, kinds == ORDERED)
  behaviour = np.where(
    ordered[first[last]], config.ordered, config.clicked
  ).astype(np.float64)
  factors = [behaviour]
  if config.user_exponent:
    worth = 1 + _training_values(requests)
    shares = (worth / worth.mean()) ** config.user_exponent
    factors.append(shares[requests.user[groups.request]])
  return dataclasses.replace(
    groups,
    value=values[last],
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


def _keys(request: np.ndarray, item: np.ndarray) -> np.ndarray:
  return request.astype(np.int64) << 32 | item
