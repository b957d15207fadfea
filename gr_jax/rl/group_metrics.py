"""Figures of one update that tell early how alignment goes."""

import jax
import jax.numpy as jnp

from gr_jax.rl.advantages import centered_advantages, informative_groups
from gr_jax.rl.experts import Group
from gr_jax.rl.group_means import sequence_sums


def _mean(values: jax.Array, where: jax.Array) -> jax.Array:
  total = jnp.sum(jnp.where(where, values, 0))
  return total / jnp.maximum(jnp.sum(where), 1)


def _distinct_share(ids: jax.Array, where: jax.Array) -> jax.Array:
  """Different IDs over all draws; those that name nothing count as one."""
  unused = jnp.iinfo(jnp.int32).max
  flat = jnp.sort(jnp.where(where, ids, unused).ravel())
  new = jnp.append(True, flat[1:] != flat[:-1]) & (flat != unused)
  return jnp.sum(new) / jnp.maximum(jnp.sum(where), 1)


def group_metrics(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  rewards: jax.Array,
  group: Group,
) -> dict[str, jax.Array]:
  """Of samples, experts left out, except where said otherwise.

  reward        mean
  reward_spread mean standard deviation inside a group, experts included
  equal_groups  share of groups that teach nothing, all rewards being equal
  valid         share that names an item
  unique_ids    different IDs over all draws of the batch
  entropy       mean of -log pi(o), an estimate of the policy's entropy
  log_ratio     mean |log pi(o) - log pi_old(o)|, experts included

  Args:
    log_probs: `[B, G, L]`.
    old_log_probs: `[B, G, L]`.
    rewards: `[B, G]`.
    group: the members.
  """
  present = group.present
  sampled = group.sampled & present
  spread = jnp.square(centered_advantages(rewards, where=present))
  count = jnp.maximum(jnp.sum(present, axis=-1), 1)
  spread = jnp.sqrt(jnp.sum(spread, axis=-1) / count)
  total = sequence_sums(log_probs, where=group.where)
  old = sequence_sums(old_log_probs, where=group.where)
  there = jnp.any(present, axis=-1)
  metrics = {
    "reward": _mean(rewards, sampled),
    "reward_spread": _mean(spread, there),
    "equal_groups": _mean(~informative_groups(rewards, where=present), there),
    "valid": _mean(group.ids >= 0, sampled),
    "unique_ids": _distinct_share(group.ids, sampled),
    "entropy": _mean(-total, sampled),
    "log_ratio": _mean(jnp.abs(total - old), present),
  }
  return {f"align/{name}": value for name, value in metrics.items()}
