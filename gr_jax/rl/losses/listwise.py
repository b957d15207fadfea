r"""Losses of a whole list: who should stand above whom, and how much it counts.

A list has members of values $v_i$ (the group's rewards). With
$E_i = \{j : v_j < v_i\}$, the score of a member

$$ D_{ij} = \beta (\log \pi(o_j) - C_i \log \pi_{ref}(o_j)) $$

and what exchanging two members is worth at the ranks that the policy gives,

$$ M_{ij} = \Big(\frac1{d(|r_i - r_j|)} - \frac1{d(|r_i - r_j| + 1)}\Big)
            |g_i - g_j|, \quad d(k) = \log_2(1 + k), $$

RSPO (GR4AD, arXiv 2602.22732) is the mean over members with a worse one of

$$ L_i = \log_2 (1 + \sum_{j \in E_i} M_{ij} e^{D_{ij} - D_{ii}}). $$

Gains are values over the largest discounted sum that the list can have,
$g_i = v_i / \sum_k v_{(k)} / d(k)$; ranks are those of the present
$\log \pi$, and $M$ has no gradient, as in LambdaLoss (Wang et al. 2018)
`[OURS]`.

The gate $C_i$ is 1 while the policy has not left the reference: the mean of
$\log \pi - \log \pi_{ref}$ over $E_i \cup \{i\}$ is below `gate`. Above, or
without a reference, $C_i = 0$: a reference that is wrong about a list then
holds nothing back.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.ratios import group_mean, sequence_sums
from gr_jax.rl.scored_group import ScoredGroup


def _discount(ranks: jax.Array) -> jax.Array:
  """`log2(1 + k)`, `k >= 1`."""
  return jnp.log2(1.0 + ranks)


def policy_ranks(scores: jax.Array, present: jax.Array) -> jax.Array:
  """Ranks `[..., G]` from 1, the largest score first, equal ones in order.

  Members that are not there come last.
  """
  order = jnp.argsort(jnp.where(present, -scores, jnp.inf), axis=-1)
  return 1 + jnp.argsort(order, axis=-1)


def gains(values: jax.Array, present: jax.Array) -> jax.Array:
  """Values `[..., G]` over the largest discounted sum of the list.

  Values are at least 0; a list of zeros has no gain.
  """
  values = jnp.where(present, values, 0.0)
  best = -jnp.sort(-values, axis=-1)
  places = jnp.arange(1, values.shape[-1] + 1)
  most = jnp.sum(best / _discount(places), axis=-1, keepdims=True)
  return values / jnp.where(most > 0, most, 1.0)


def exchange_weights(
  values: jax.Array, scores: jax.Array, present: jax.Array
) -> jax.Array:
  """`M_ij` `[..., G, G]`, 0 where j is not worth less than i."""
  ranks = policy_ranks(scores, present)
  gain = gains(values, present)
  apart = jnp.abs(ranks[..., :, None] - ranks[..., None, :])
  # A member beside itself is in no `E_i`; its weight need only be finite.
  apart = jnp.maximum(apart, 1)
  steps = 1 / _discount(apart) - 1 / _discount(apart + 1)
  worth = jnp.abs(gain[..., :, None] - gain[..., None, :])
  return jax.lax.stop_gradient(
    jnp.where(_worse(values, present), steps * worth, 0.0)
  )


def _worse(values: jax.Array, present: jax.Array) -> jax.Array:
  """`[..., i, j]`, whether j is in `E_i`."""
  both = present[..., :, None] & present[..., None, :]
  return both & (values[..., None, :] < values[..., :, None])


def _gaps(
  group: ScoredGroup, *, beta: float, gate: float
) -> tuple[jax.Array, jax.Array]:
  """`D_ij - D_ii` and `M_ij`, both `[..., G, G]`."""
  own = sequence_sums(group.log_probs, where=group.where)
  worse = _worse(group.rewards, group.present)
  weights = exchange_weights(group.rewards, own, group.present)
  gaps = own[..., None, :] - own[..., :, None]
  if group.ref_log_probs is not None:
    ref = sequence_sums(group.ref_log_probs, where=group.where)
    counted = worse | jnp.eye(own.shape[-1], dtype=bool)
    left = jax.lax.stop_gradient(own - ref)[..., None, :]
    holds = group_mean(jnp.broadcast_to(left, counted.shape), where=counted)
    apart = ref[..., None, :] - ref[..., :, None]
    gaps -= jnp.where(holds < gate, 1.0, 0.0)[..., None] * apart
  return beta * gaps, weights


def softmax_losses(gaps: jax.Array, weights: jax.Array) -> jax.Array:
  r"""$L_i = \log_2 (1 + \sum_j M_{ij} e^{gap_{ij}})$, `[..., G]`.

  Members of weight 0 are left out, whatever their gap is.
  """
  there = weights > 0
  terms = gaps + jnp.log(jnp.where(there, weights, 1.0))
  terms = jnp.where(there, terms, -jnp.inf)
  # log(1 + sum exp(x)) with the 1 as one more term: no log of an empty sum.
  zero = jnp.zeros((*terms.shape[:-1], 1), terms.dtype)
  found = jax.nn.logsumexp(jnp.concatenate((terms, zero), axis=-1), axis=-1)
  return found / jnp.log(2.0)


def pair_losses(gaps: jax.Array, weights: jax.Array) -> jax.Array:
  r"""$\sum_j M_{ij} \log_2 (1 + e^{gap_{ij}})$, `[..., G]`.

  Where $\sum_j M_{ij} \leq 1$ it is at most `softmax_losses` (Jensen).
  """
  return jnp.sum(weights * jax.nn.softplus(gaps), axis=-1) / jnp.log(2.0)


def member_losses(
  group: ScoredGroup, *, beta: float, gate: float
) -> tuple[jax.Array, jax.Array]:
  """`L_i` `[..., G]` of RSPO, and which members have a worse one."""
  gaps, weights = _gaps(group, beta=beta, gate=gate)
  return softmax_losses(gaps, weights), jnp.any(weights > 0, axis=-1)


def rspo_loss(
  group: ScoredGroup, *, beta: float = 0.1, gate: float = 0.5
) -> jax.Array:
  r"""The mean of $L_i$ over members that have a worse one (GR4AD's RSPO).

  In bits. With `M = 1` and one worse member it is DPO, with more S-DPO.
  """
  losses, counted = member_losses(group, beta=beta, gate=gate)
  return group_mean(losses, where=counted)


def lambda_loss(
  group: ScoredGroup, *, beta: float = 0.1, gate: float = 0.5
) -> jax.Array:
  """LambdaLoss's NDCG-Loss2 (Wang et al. 2018, eq. 14) of the same scores."""
  gaps, weights = _gaps(group, beta=beta, gate=gate)
  losses = pair_losses(gaps, weights)
  return group_mean(losses, where=jnp.any(weights > 0, axis=-1))
