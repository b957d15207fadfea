r"""Losses of preferred over other sequences, against a reference policy.

With $D = \log \pi(o) - \log \pi_{ref}(o)$, how much a whole sequence rose.
"""

import jax
import jax.numpy as jnp


def dpo_loss(
  chosen: jax.Array, rejected: jax.Array, *, beta: float = 0.1
) -> jax.Array:
  r"""$-\log \sigma(\beta (D_w - D_l))$, elementwise (DPO, eq. 7).

  Args:
    chosen: $D_w$ `[...]`.
    rejected: $D_l$ `[...]`.
    beta: of the implied reward.
  """
  return jax.nn.softplus(beta * (rejected - chosen))


def s_dpo_loss(
  chosen: jax.Array,
  rejected: jax.Array,
  *,
  where: jax.Array | None = None,
  beta: float = 0.1,
) -> jax.Array:
  r"""$-\log \sigma(-\log \sum_l \exp(\beta (D_l - D_w)))$ (S-DPO, eq. 11).

  One positive against many negatives at once; with one it is DPO.

  Args:
    chosen: $D_w$ `[...]`.
    rejected: $D_l$ `[..., K]`.
    where: `[..., K]`, which are there; without any the loss is 0.
    beta: of the implied reward.
  """
  where = jnp.ones(rejected.shape, bool) if where is None else where
  rises = beta * (jnp.where(where, rejected, 0) - chosen[..., None])
  # softplus(log(sum exp(x))) as log(1 + sum exp(x)): no log of an empty sum.
  rises = jnp.where(where, rises, -jnp.inf)
  zero = jnp.zeros((*chosen.shape, 1), rises.dtype)
  return jax.nn.logsumexp(jnp.concatenate((rises, zero), axis=-1), axis=-1)
