"""Figures of one update that show early how alignment goes."""

import jax
import jax.numpy as jnp

from gr_jax.rl.advantages import centered_advantages, informative_groups
from gr_jax.rl.ratios import sequence_sums
from gr_jax.rl.scored_group import ScoredGroup


def _mean(values: jax.Array, where: jax.Array) -> jax.Array:
  total = jnp.sum(jnp.where(where, values, 0))
  return total / jnp.maximum(jnp.sum(where), 1)


def _distinct_share(ids: jax.Array, where: jax.Array) -> jax.Array:
  """Different IDs over all draws; those that name nothing count as one."""
  unused = jnp.iinfo(jnp.int32).max
  flat = jnp.sort(jnp.where(where, ids, unused).ravel())
  new = jnp.append(True, flat[1:] != flat[:-1]) & (flat != unused)
  return jnp.sum(new) / jnp.maximum(jnp.sum(where), 1)


def group_metrics(group: ScoredGroup, ids: jax.Array) -> dict[str, jax.Array]:
  """Means over samples, experts left out, except where said otherwise.

  reward        mean
  reward_spread mean standard deviation inside a group, experts included
  equal_groups  share of groups without a gradient, all rewards being equal
  valid         share that names an item
  unique_ids    different IDs over all draws of the batch
  entropy       mean of -log pi(o), an estimate of the policy's entropy
  log_ratio     mean |log pi(o) - log pi_old(o)|, experts included

  Args:
    group: `[B, G]` scored members.
    ids: `[B, G]`, -1 = names nothing.
  """
  present = group.present
  sampled = group.sampled & present
  spread = jnp.square(centered_advantages(group.rewards, where=present))
  count = jnp.maximum(jnp.sum(present, axis=-1), 1)
  spread = jnp.sqrt(jnp.sum(spread, axis=-1) / count)
  total = sequence_sums(group.log_probs, where=group.where)
  old = sequence_sums(group.old_log_probs, where=group.where)
  equal = ~informative_groups(group.rewards, where=present)
  there = jnp.any(present, axis=-1)
  metrics = {
    "reward": _mean(group.rewards, sampled),
    "reward_spread": _mean(spread, there),
    "equal_groups": _mean(equal, there),
    "valid": _mean(ids >= 0, sampled),
    "unique_ids": _distinct_share(ids, sampled),
    "entropy": _mean(-total, sampled),
    "log_ratio": _mean(jnp.abs(total - old), present),
  }
  return {f"align/{name}": value for name, value in metrics.items()}
