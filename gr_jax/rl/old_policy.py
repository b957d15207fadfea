"""The old policy: the parameters that rollouts are drawn from."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class OldPolicy:
  """`old <- decay old + (1 - decay) present` after every `every` updates.

  It is known beforehand which updates leave the old policy: a rollout need not
  wait for those. With the defaults every rollout is on-policy.

  Attributes:
    every: the number of updates between two changes.
    decay: the share of the former old policy that stays.
  """

  every: int = 1
  decay: float = 0.0

  def __post_init__(self):
    if self.every < 1:
      raise ValueError(
        f"old_every is {self.every}; the old policy must follow: use >= 1."
      )
    if not 0 <= self.decay < 1:
      raise ValueError(f"old_decay is {self.decay}; use 0 to below 1.")

  @property
  def is_present(self) -> bool:
    """True if every rollout is of the present parameters.

    Ratios to the old policy are then 1 and need no scoring.
    """
    return self.every == 1 and not self.decay

  def keeps(self, step: int) -> bool:
    """True if update number `step`, from 1 on, leaves the old policy."""
    return step % self.every != 0

  def __call__(self, step: jax.Array, old: Any, present: Any) -> Any:
    taken, decay = step % self.every == 0, self.decay

    def follow(old: jax.Array, present: jax.Array) -> jax.Array:
      new = decay * old + (1 - decay) * present if decay else present
      return jnp.where(taken, new, old)

    return jax.tree.map(follow, old, present)
