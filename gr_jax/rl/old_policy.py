"""Which parameters the old policy has: those that rollouts are drawn from.

A rule maps the number of updates done, the old parameters and the present ones
to the new old ones, and says beforehand after which updates nothing changes: a
rollout need not wait for those.
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp


class OldPolicy(Protocol):
  """The rule.

  Attributes:
    is_present: whether every rollout is of the present parameters; ratios to
      the old policy are then 1 and need no scoring.
  """

  @property
  def is_present(self) -> bool: ...

  def keeps(self, step: int) -> bool:
    """Whether update number `step`, from 1 on, leaves the old policy."""
    ...

  def __call__(self, step: jax.Array, old: Any, present: Any) -> Any: ...


@dataclasses.dataclass(frozen=True)
class _Periodic:
  every: int

  @property
  def is_present(self) -> bool:
    return self.every == 1

  def keeps(self, step: int) -> bool:
    return step % self.every != 0

  def __call__(self, step: jax.Array, old: Any, present: Any) -> Any:
    taken = step % self.every == 0
    return jax.tree.map(lambda o, p: jnp.where(taken, p, o), old, present)


@dataclasses.dataclass(frozen=True)
class _MovingAverage:
  decay: float
  is_present: bool = dataclasses.field(default=False, init=False)

  def keeps(self, step: int) -> bool:
    del step
    return False

  def __call__(self, step: jax.Array, old: Any, present: Any) -> Any:
    del step
    decay = self.decay
    return jax.tree.map(lambda o, p: decay * o + (1 - decay) * p, old, present)


def periodic(every: int) -> OldPolicy:
  """The present parameters, taken after every `every` updates.

  With 1 every rollout is on-policy, and the ratios of the losses are 1.

  Raises:
    ValueError: `every` is below 1.
  """
  if every < 1:
    raise ValueError(f"every is {every}; the old policy must follow: use >= 1.")
  return _Periodic(every)


def moving_average(decay: float) -> OldPolicy:
  """`old <- decay old + (1 - decay) present`, after every update."""
  return _MovingAverage(decay)
