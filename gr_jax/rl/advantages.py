"""Advantages: how far a member's reward is from its group's.

All functions take `[..., G]` rewards and a mask `where` of the same shape: what
is masked is not in the group, and its advantage is 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# From rewards and `where=` to advantages, all `[..., G]`.
Advantages = Callable[..., jax.Array]


def _mean(rewards: jax.Array, where: jax.Array) -> jax.Array:
  count = jnp.maximum(jnp.sum(where, axis=-1, keepdims=True), 1)
  total = jnp.sum(jnp.where(where, rewards, 0), axis=-1, keepdims=True)
  return total / count


def informative_groups(
  rewards: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
  """Groups `[...]` in which some reward differs from another.

  The others have no gradient. DAPO's dynamic sampling drops them (its
  constraint under eq. 8); see `AlignmentConfig.counted`.
  """
  where = jnp.ones(rewards.shape, bool) if where is None else where
  high = jnp.max(jnp.where(where, rewards, -jnp.inf), axis=-1)
  low = jnp.min(jnp.where(where, rewards, jnp.inf), axis=-1)
  return high > low


def centered_advantages(
  rewards: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
  r"""$A_i = R_i - \mathrm{mean}(R)$ (Dr.GRPO, eq. 3).

  Not divided by the spread, which would weigh easy and hard prompts up. Exactly
  0 where all rewards are equal: rounding must not become an advantage.
  """
  where = jnp.ones(rewards.shape, bool) if where is None else where
  differ = informative_groups(rewards, where=where)[..., None]
  centered = rewards - _mean(rewards, where)
  return jnp.where(where & differ, centered, 0)


def normalized_advantages(
  rewards: jax.Array,
  *,
  where: jax.Array | None = None,
  epsilon: float = 1e-6,
) -> jax.Array:
  r"""$A_i = (R_i - \mathrm{mean}(R)) / (\mathrm{std}(R) + \epsilon)$.

  DeepSeekMath's GRPO (section 4.1.2), and EG-GRPO's with the experts in the
  group. The spread is that of a population; the papers do not say which
  `[OURS]`. Exactly 0 where all rewards are equal.
  """
  where = jnp.ones(rewards.shape, bool) if where is None else where
  centered = centered_advantages(rewards, where=where)
  variance = _mean(jnp.square(centered), where)
  return centered / (jnp.sqrt(variance) + epsilon)


ADVANTAGES = {
  "normalized": normalized_advantages,
  "centered": centered_advantages,
}


def lift_positives(
  rewards: jax.Array,
  positives: jax.Array,
  *,
  where: jax.Array | None = None,
) -> jax.Array:
  r"""$\tilde r_i = (1 - [o_i \in D^+])\, r_i + [o_i \in D^+] \max_j r_j$.

  GenRec's GRPO-SR: what the user clicked or ordered is worth as much as the
  best of its group, even where its own gate is closed. A group whose best
  reward is 0 stays all 0.

  Args:
    rewards: `[..., G]`, gated.
    positives: `[..., G]` bool, in D+.
    where: `[..., G]` bool.
  """
  where = jnp.ones(rewards.shape, bool) if where is None else where
  best = jnp.max(jnp.where(where, rewards, -jnp.inf), axis=-1, keepdims=True)
  return jnp.where(where, jnp.where(positives, best, rewards), 0)
