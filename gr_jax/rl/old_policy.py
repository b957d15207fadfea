"""Which parameters the old policy has: those that rollouts are drawn from.

Each is a function from the number of updates done, the old parameters and the
present ones to the new old ones.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

OldPolicy = Callable[[jax.Array, Any, Any], Any]


def periodic(every: int) -> OldPolicy:
  """The present parameters, taken after every `every` updates.

  With 1 every rollout is on-policy, and the ratios of the losses are 1.
  """

  def next_old(step: jax.Array, old: Any, present: Any) -> Any:
    taken = step % every == 0
    return jax.tree.map(lambda o, p: jnp.where(taken, p, o), old, present)

  return next_old


def moving_average(decay: float) -> OldPolicy:
  """`old <- decay old + (1 - decay) present`, after every update."""

  def next_old(step: jax.Array, old: Any, present: Any) -> Any:
    del step
    return jax.tree.map(lambda o, p: decay * o + (1 - decay) * p, old, present)

  return next_old
