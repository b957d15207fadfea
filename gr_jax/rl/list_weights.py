r"""How much a list teaches values and how much preferences (GR4AD, 2602.22732).

With the ranks of a member by the policy and by value, both from 1 to `n`,

$$ A_i = \frac{|r^\pi_i - r^v_i|}{n - 1}, \quad
   w^{VSL}_i = w_0 e^{A_i \log(1 + v_i)}, \quad
   w^{RL}_i = w_0 Z (1 - A_i). $$

Where the policy's order is wrong, supervision counts, and more for what is
worth more; where it is right, its fine points are left to the list loss.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.losses.listwise import policy_ranks


def rank_gaps(
  scores: jax.Array, values: jax.Array, present: jax.Array
) -> jax.Array:
  """`A` `[..., G]` in [0, 1]; 0 of an absent member and in a list of one.

  Members of equal value have the ranks among them that the policy gives.
  """
  by_policy = policy_ranks(scores, present)
  # A stable sort by value of what is in the policy's order.
  order = jnp.lexsort((by_policy, jnp.where(present, -values, jnp.inf)))
  by_value = 1 + jnp.argsort(order, axis=-1)
  n = jnp.sum(present, axis=-1, keepdims=True)
  gaps = jnp.abs(by_policy - by_value) / jnp.maximum(n - 1, 1)
  return jnp.where(present, gaps, 0.0)


def value_weights(
  gaps: jax.Array, values: jax.Array, *, base: float = 1.0
) -> jax.Array:
  """`w_VSL` `[..., G]`, of values of at least 0: `base (1 + v)^A`."""
  return base * jnp.exp(gaps * jnp.log1p(values))


def preference_weights(
  gaps: jax.Array, *, base: float = 1.0, most: float = 1.0
) -> jax.Array:
  """`w_RL` `[..., G]`, between 0 and `base most`."""
  return base * most * (1 - gaps)
