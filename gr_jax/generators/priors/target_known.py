"""Whether transitions know the item that is asked for."""

import jax
import jax.numpy as jnp

from gr_jax.generators.priors.transitions import Transitions


def target_known(
  transitions: Transitions, history: jax.Array, targets: jax.Array
) -> jax.Array:
  """Returns `[B, P]` bool: a target is among the history's neighbours.

  A network that reads transitions learns how far to trust them from how often
  they are right. So this share, of training rows with their own events left out
  (`Transitions.without`), must be that of the requests to come.

  Args:
    transitions: as they are read.
    history: `[B, H, L]` codes, newest last; -1 where there is no item.
    targets: `[B, P, L]` codes.
  """
  codes, weights = transitions.related(history)
  same = (codes[:, None] == targets[:, :, None, None]).all(-1)
  return jnp.any(same & (weights > 0)[:, None], axis=(2, 3))
