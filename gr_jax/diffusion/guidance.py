r"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598).

$$ v = v(x, t, ∅) + w (v(x, t, c) - v(x, t, ∅)) $$

Training hides the conditions of some rows, so that one network knows both
velocities. In the paper's eq. 6 the weight is `w - 1`: here 1 is no guidance.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.diffusion.rectified_flow import Velocity, along_rows

ConditionalVelocity = Callable[[jax.Array, jax.Array, Any], jax.Array]
"""`(x [B, ...], t [B], conditions) -> v [B, ...]`."""


def drop_conditions(
  conditions: Any, empty: Any, key: jax.Array, *, rate: float
) -> Any:
  """Puts `empty` in the place of some rows' conditions.

  Args:
    conditions: a tree of arrays `[B, ...]`.
    empty: the same tree without the axis of rows: no condition, an empty text.
    key: the key of the choice.
    rate: the share of rows that lose theirs, 0.1 in most papers.
  """
  rows = len(jax.tree.leaves(conditions)[0])
  dropped = jax.random.bernoulli(key, rate, (rows,))
  return jax.tree.map(
    lambda x, none: jnp.where(along_rows(dropped, x), none, x),
    conditions,
    empty,
  )


def guide(
  velocity: ConditionalVelocity, conditions: Any, empty: Any, *, scale: float
) -> Velocity:
  """The velocity that is guided toward the conditions.

  Both halves are one call of twice the rows; with a scale of 1 there is one
  half and half the cost.

  Args:
    velocity: the network, of conditions `[B, ...]`.
    conditions: a tree of arrays `[B, ...]`.
    empty: the same tree without the axis of rows.
    scale: `w`.
  """
  if scale == 1:
    return lambda x, t: velocity(x, t, conditions)
  both = jax.tree.map(
    lambda x, none: jnp.concatenate((x, jnp.broadcast_to(none, x.shape))),
    conditions,
    empty,
  )

  def guided(x: jax.Array, t: jax.Array) -> jax.Array:
    found = velocity(jnp.concatenate((x, x)), jnp.concatenate((t, t)), both)
    given, none = jnp.split(found, 2)
    return none + scale * (given - none)

  return guided
