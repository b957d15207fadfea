r"""An average of the parameters, for a learning rate that does not fall.

$$ \bar θ_t = \bar θ_{t-1} + (θ_t - \bar θ_{t-1}) / \max(1, s t) $$

remembers the last share `s` of the steps, whatever their number: polynomial
decay averaging (Shamir and Zhang 2013, arXiv 1212.1824, there
`(1 + η) / (t + η)` with `1 + η = 1 / s`). At a constant rate it takes away the
noise that a falling rate takes away (Hägele et al. 2024, arXiv 2405.18392,
section 4), at every step and not at one that had to be known before.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gr_jax.training.state import TrainState


class AverageState(NamedTuple):
  """The number of updates, and the average of the parameters after them."""

  count: jax.Array
  average: Any


def average_params(share: float) -> optax.GradientTransformation:
  """Keeps the average in its state and leaves updates as they are.

  It stands last in a chain, where updates are those that are applied.

  Args:
    share: the share `s` of the steps that the average remembers.

  Raises:
    ValueError: `share` is not in (0, 1].
  """
  if not 0 < share <= 1:
    raise ValueError(
      f"the average remembers a share of the steps in (0, 1], not {share}."
    )

  def init(params) -> AverageState:
    copied = jax.tree.map(jnp.copy, params)
    return AverageState(jnp.zeros((), jnp.int32), copied)

  def update(updates, state, params=None):
    count = state.count + 1
    weight = 1 / jnp.maximum(1.0, share * count)
    average = jax.tree.map(
      lambda mean, p, step: mean + weight * (p + step - mean),
      state.average,
      params,
      updates,
    )
    return updates, AverageState(count, average)

  return optax.GradientTransformation(init, update)


def used_params(state: TrainState) -> Any:
  """The parameters to search with: the average where one is kept."""
  found = [
    part.average
    for part in jax.tree.leaves(state.opt_state, is_leaf=_is_average)
    if _is_average(part)
  ]
  return found[0] if found else state.params


def _is_average(part: Any) -> bool:
  return isinstance(part, AverageState)
