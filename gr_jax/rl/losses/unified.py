r"""Supervision and list preferences at once (GR4AD, arXiv 2602.22732).

$$ L = E_i[w^{VSL}_i L^{SID}_i + w^{RL}_i L^{RSPO}_i] $$

with the weights of `rl/list_weights`: where the policy orders a list otherwise
than the values do, what the log shows is taught, and more so what is worth
more; where it orders it well, its fine points are left to RSPO. `L^{SID}` is
the negative log-likelihood of the experts, the members that the log shows, in
nats, and `w_0` is the weight of it alone `[OURS]`; values are taken over the
mean of their list `[OURS]`, so that weights do not depend on a currency.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.list_weights import (
  preference_weights,
  rank_gaps,
  value_weights,
)
from gr_jax.rl.losses.listwise import member_losses
from gr_jax.rl.ratios import group_mean, sequence_sums
from gr_jax.rl.scored_group import ScoredGroup


def unified_loss(
  group: ScoredGroup,
  *,
  beta: float = 0.1,
  gate: float = 0.5,
  supervised: float = 0.001,
  most: float = 1.0,
) -> jax.Array:
  """`L` of each group.

  Args:
    group: samples and experts, with their values.
    beta: that of RSPO.
    gate: that of RSPO.
    supervised: `w_0` of the experts' likelihood. A nat of it pulls some
      hundred times as hard as a bit of RSPO, whose gradient has the factors
      beta and `M` `[OURS]`.
    most: `Z`, the largest weight of a list's preferences.
  """
  own = sequence_sums(group.log_probs, where=group.where)
  values = jnp.where(group.present, group.rewards, 0.0)
  mean = group_mean(values, where=group.present)[..., None]
  relative = values / jnp.where(mean > 0, mean, 1.0)
  gaps = jax.lax.stop_gradient(rank_gaps(own, relative, group.present))
  losses, counted = member_losses(group, beta=beta, gate=gate)
  listed = preference_weights(gaps, most=most) * losses
  experts = group.present & ~group.sampled
  taught = -value_weights(gaps, relative, base=supervised) * own
  return group_mean(listed, where=counted) + group_mean(taught, where=experts)
