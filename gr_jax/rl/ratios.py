"""How much more probable a sequence became: ratios of two policies.

Everything is of log-probabilities `[..., G, L]` of the tokens, with `where` the
tokens that count. What is masked has ratio 1 and no gradient, whatever value
stands there.
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.group_means import sequence_means, sequence_sums


def _log_ratios(
  log_probs: jax.Array, old_log_probs: jax.Array, where: jax.Array
) -> jax.Array:
  # Masked before the difference: padding may hold -inf, and inf - inf is NaN.
  new = jnp.where(where, log_probs, 0)
  return new - jnp.where(where, old_log_probs, 0)


def token_ratios(
  log_probs: jax.Array, old_log_probs: jax.Array, *, where: jax.Array
) -> jax.Array:
  r"""$\rho_{it} = \pi(o_{it}|o_{i<t}) / \pi_{old}(o_{it}|o_{i<t})$.

  `[..., G, L]` (GRPO, DAPO, Dr.GRPO).
  """
  return jnp.exp(_log_ratios(log_probs, old_log_probs, where))


def sequence_ratios(
  log_probs: jax.Array, old_log_probs: jax.Array, *, where: jax.Array
) -> jax.Array:
  r"""$\rho_i = \pi(o_i) / \pi_{old}(o_i)$, `[..., G]` (EG-GRPO)."""
  difference = _log_ratios(log_probs, old_log_probs, where)
  return jnp.exp(sequence_sums(difference, where=where))


def mean_ratios(
  log_probs: jax.Array, old_log_probs: jax.Array, *, where: jax.Array
) -> jax.Array:
  r"""$s_i = \rho_i^{1/|o_i|}$, `[..., G]` (GSPO, eq. 7)."""
  difference = _log_ratios(log_probs, old_log_probs, where)
  return jnp.exp(sequence_means(difference, where=where))


def early_clipped_ratios(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  *,
  where: jax.Array,
  limit: float,
) -> jax.Array:
  r"""$\rho_i = \pi(o_i) / \max(sg[\pi(o_i)] / limit, \pi_{old}(o_i))$.

  `[..., G]`, never above `limit`, and with a gradient even there: that of
  `limit` times the logarithm (ECPO of OneRec; `limit` = 1 + eps + delta).
  """
  new = sequence_sums(log_probs, where=where)
  old = sequence_sums(old_log_probs, where=where)
  baseline = jax.lax.stop_gradient(new) - jnp.log(limit)
  return jnp.exp(new - jnp.maximum(baseline, old))


def stopped_ratios(log_probs: jax.Array, *, where: jax.Array) -> jax.Array:
  r"""$\pi / sg[\pi]$: value 1, gradient $\nabla \log \pi$ (GRPO-SR)."""
  kept = jnp.where(where, log_probs, 0)
  return jnp.exp(kept - jax.lax.stop_gradient(kept))
