r"""Estimators of $KL(\pi \| \pi_{ref})$ from one token each (Schulman 2020).

With $d = \log \pi_{ref} - \log \pi$ at a token drawn from $\pi$. Values and
gradients are two matters: k1 and k3 have the right mean, but as a term of a
loss the gradient of k1 is zero on average, that of k2 is the gradient of the
divergence, and that of k3 pulls as $KL(\pi_{ref} \| \pi)$ does.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gr_jax.rl.ratios import group_mean, sequence_means

KlEstimator = Callable[[jax.Array, jax.Array], jax.Array]


def k1(log_probs: jax.Array, ref_log_probs: jax.Array) -> jax.Array:
  """`-d`, elementwise: unbiased, of either sign."""
  return log_probs - ref_log_probs


def k2(log_probs: jax.Array, ref_log_probs: jax.Array) -> jax.Array:
  """`d^2 / 2`, elementwise: biased, never negative."""
  return jnp.square(log_probs - ref_log_probs) / 2


def k3(log_probs: jax.Array, ref_log_probs: jax.Array) -> jax.Array:
  """`exp(d) - d - 1`, elementwise: unbiased, never negative (GRPO's)."""
  difference = ref_log_probs - log_probs
  return jnp.expm1(difference) - difference


KL_ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}


def kl_penalty(
  log_probs: jax.Array,
  ref_log_probs: jax.Array,
  *,
  where: jax.Array,
  estimator: KlEstimator = k3,
) -> jax.Array:
  r"""$\frac1G \sum_i \frac1{|o_i|} \sum_t k(o_{it})$ of each group.

  Averaged as GRPO averages (DeepSeekMath, eq. 3). EG-GRPO lists a weight for
  the divergence and not how it is estimated: this way `[OURS]`.

  Args:
    log_probs: `[..., G, L]` of the tokens.
    ref_log_probs: `[..., G, L]` under the reference.
    where: the tokens that count; leave out experts, which were not sampled.
    estimator: `k1`, `k2` or `k3`.

  Returns:
    `[...]`.
  """
  new = jnp.where(where, log_probs, 0)
  reference = jnp.where(where, ref_log_probs, 0)
  means = sequence_means(estimator(new, reference), where=where)
  return group_mean(means, where=jnp.any(where, axis=-1))
