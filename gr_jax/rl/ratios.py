"""Ratios of two policies, and the means that losses take over a group.

A group is `G` sequences of `L` tokens that answer one prompt. Everything is of
log-probabilities `[..., G, L]` of the tokens. `where` says which tokens count:
codes after an early end do not, and a sequence without any token is not in the
group. A masked token has ratio 1 and no gradient, whatever value stands there.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.scored_group import ScoredGroup


def _divide(total: jax.Array, count: jax.Array) -> jax.Array:
  return total / jnp.maximum(count, 1)


def sequence_sums(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`sum_t x_t` of `[..., G, L]`: `[..., G]`, 0 for an absent sequence."""
  return jnp.sum(jnp.where(where, tokens, 0), axis=-1)


def sequence_means(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`1/|o| sum_t x_t` of `[..., G, L]`: `[..., G]`, 0 if absent."""
  sums = sequence_sums(tokens, where=where)
  return _divide(sums, jnp.sum(where, axis=-1))


def group_mean(sequences: jax.Array, *, where: jax.Array) -> jax.Array:
  """`1/G sum_i x_i` over the sequences `[..., G]` that are there: `[...]`."""
  total = jnp.sum(jnp.where(where, sequences, 0), axis=-1)
  return _divide(total, jnp.sum(where, axis=-1))


def token_mean(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`sum_i sum_t x_it / sum_i |o_i|` of `[..., G, L]`: `[...]`."""
  total = jnp.sum(jnp.where(where, tokens, 0), axis=(-2, -1))
  return _divide(total, jnp.sum(where, axis=(-2, -1)))


def log_ratios(
  log_probs: jax.Array, old_log_probs: jax.Array, *, where: jax.Array
) -> jax.Array:
  r"""$\log \pi(o_{it}) - \log \pi_{old}(o_{it})$, `[..., G, L]`."""
  # Masked before the difference: padding may hold -inf, and inf - inf is NaN.
  new = jnp.where(where, log_probs, 0)
  return new - jnp.where(where, old_log_probs, 0)


def _from_old(group: ScoredGroup) -> jax.Array:
  return log_ratios(group.log_probs, group.old_log_probs, where=group.where)


def token_ratios(group: ScoredGroup) -> jax.Array:
  r"""$\rho_{it} = \pi(o_{it}|o_{i<t}) / \pi_{old}(o_{it}|o_{i<t})$.

  `[..., G, L]` (GRPO, DAPO, Dr.GRPO).
  """
  return jnp.exp(_from_old(group))


def sequence_ratios(group: ScoredGroup) -> jax.Array:
  r"""$\rho_i = \pi(o_i) / \pi_{old}(o_i)$, `[..., G]` (EG-GRPO)."""
  return jnp.exp(sequence_sums(_from_old(group), where=group.where))


def mean_ratios(group: ScoredGroup) -> jax.Array:
  r"""$s_i = \rho_i^{1/|o_i|}$, `[..., G]` (GSPO, eq. 7)."""
  return jnp.exp(sequence_means(_from_old(group), where=group.where))


def early_clipped_ratios(group: ScoredGroup, *, limit: float) -> jax.Array:
  r"""$\rho_i = \pi(o_i) / \max(sg[\pi(o_i)] / limit, \pi_{old}(o_i))$.

  `[..., G]`, never above `limit`, and with a gradient even there: that of
  `limit` times the logarithm (ECPO of OneRec; `limit` = 1 + eps + delta).
  """
  new = sequence_sums(group.log_probs, where=group.where)
  old = sequence_sums(group.old_log_probs, where=group.where)
  baseline = jax.lax.stop_gradient(new) - jnp.log(limit)
  return jnp.exp(new - jnp.maximum(baseline, old))


def stopped_ratios(group: ScoredGroup) -> jax.Array:
  r"""$\pi / sg[\pi]$, `[..., G, L]`: value 1, gradient $\nabla \log \pi$."""
  kept = jnp.where(group.where, group.log_probs, 0)
  return jnp.exp(kept - jax.lax.stop_gradient(kept))
