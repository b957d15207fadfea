r"""Losses of preferred over other members of a group, against a reference.

With $D_i = \log \pi(o_i) - \log \pi_{ref}(o_i)$, how much a whole sequence
rose. Rewards decide which members are preferred `[OURS]`: those of the highest
reward, one at a time and all alike, over every member that earned less. A group
of equal rewards has no loss.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.ratios import group_mean, log_ratios, sequence_sums
from gr_jax.rl.scored_group import ScoredGroup


def _gaps(
  group: ScoredGroup, *, beta: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
  r"""$\beta (D_l - D_w)$ `[..., w, l]` and which `w` and `l` there are.

  Raises:
    ValueError: the group has no reference.
  """
  if group.ref_log_probs is None:
    raise ValueError("a preference loss compares with a reference; give one.")
  rises = sequence_sums(
    log_ratios(group.log_probs, group.ref_log_probs, where=group.where),
    where=group.where,
  )
  present = group.present
  rewards = jnp.where(present, group.rewards, -jnp.inf)
  best = jnp.max(rewards, axis=-1, keepdims=True)
  gaps = beta * (rises[..., None, :] - rises[..., :, None])
  return gaps, present & (rewards == best), present & (rewards < best)


def dpo_loss(group: ScoredGroup, *, beta: float = 0.1) -> jax.Array:
  r"""$-\log \sigma(\beta (D_w - D_l))$ (DPO, eq. 7), the mean over all pairs.

  The group is scored by the reference too; `beta` weighs the implied KL term.
  """
  gaps, best, worse = _gaps(group, beta=beta)
  losses = group_mean(jax.nn.softplus(gaps), where=worse[..., None, :])
  return group_mean(losses, where=best)


def s_dpo_loss(group: ScoredGroup, *, beta: float = 0.1) -> jax.Array:
  r"""$-\log \sigma(-\log \sum_l \exp(\beta (D_l - D_w)))$ (S-DPO, eq. 11).

  One positive against all negatives at once; with one negative it is DPO.
  """
  gaps, best, worse = _gaps(group, beta=beta)
  # softplus(log(sum exp(x))) as log(1 + sum exp(x)): no log of an empty sum.
  gaps = jnp.where(worse[..., None, :], gaps, -jnp.inf)
  zero = jnp.zeros((*gaps.shape[:-1], 1), gaps.dtype)
  losses = jax.nn.logsumexp(jnp.concatenate((gaps, zero), axis=-1), axis=-1)
  return group_mean(losses, where=best)


def best_worst_dpo_loss(group: ScoredGroup, *, beta: float = 0.1) -> jax.Array:
  r"""DPO of the best members against the worst alone, the mean over pairs."""
  gaps, best, worse = _gaps(group, beta=beta)
  rewards = jnp.where(group.present, group.rewards, jnp.inf)
  worst = worse & (rewards == jnp.min(rewards, axis=-1, keepdims=True))
  losses = group_mean(jax.nn.softplus(gaps), where=worst[..., None, :])
  return group_mean(losses, where=best & jnp.any(worst, axis=-1, keepdims=True))
