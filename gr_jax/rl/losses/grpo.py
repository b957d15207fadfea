r"""The GRPO family: policy losses of groups.

Every loss takes token log-probabilities `log_probs` and `old_log_probs`
`[..., G, L]`, `advantages` `[..., G]` and a mask `where` `[..., G, L]` of the
tokens that count, and gives one loss per group, `[...]`. The expectation over
prompts is `group_means.batch_mean`, the KL term is in `rl/kl.py`. With

  clipped(p, A) = min(p A, clip(p, 1 - low, 1 + high) A)

they differ in the ratio and in what they average over:

  loss      ratio p                          mean over
  grpo      token                            tokens of a sequence, sequences
  dapo      token, high > low                tokens of the group
  dr_grpo   token                            sequences, tokens summed
  gspo      sequence, ^(1/|o|)               sequences
  ecpo      sequence, at most 1+eps+delta    sequences
  eg_grpo   sequence                         sequences
  grpo_sr   pi / sg[pi], not clipped         tokens of a sequence, sequences
"""

import jax
import jax.numpy as jnp

from gr_jax.rl.group_means import (
  group_mean,
  sequence_means,
  sequence_sums,
  token_mean,
)
from gr_jax.rl.ratios import (
  early_clipped_ratios,
  mean_ratios,
  sequence_ratios,
  stopped_ratios,
  token_ratios,
)


def clipped(
  ratios: jax.Array, advantages: jax.Array, *, low: float, high: float
) -> jax.Array:
  """`min(p A, clip(p, 1 - low, 1 + high) A)`, elementwise (PPO, eq. 7)."""
  bounded = jnp.clip(ratios, 1 - low, 1 + high)
  return jnp.minimum(ratios * advantages, bounded * advantages)


def _present(where: jax.Array) -> jax.Array:
  return jnp.any(where, axis=-1)


def grpo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i \frac1{|o_i|} \sum_t clipped(\rho_{it}, A_i)$.

  DeepSeekMath, eq. 3, without its KL term.
  """
  ratios = token_ratios(log_probs, old_log_probs, where=where)
  gains = clipped(ratios, advantages[..., None], low=clip_eps, high=clip_eps)
  gains = sequence_means(gains, where=where)
  return -group_mean(gains, where=_present(where))


def dapo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_low: float = 0.2,
  clip_high: float = 0.28,
) -> jax.Array:
  r"""$-\frac1{\sum_i|o_i|} \sum_i \sum_t clipped(\rho_{it}, A_i)$.

  DAPO, eq. 8: the upper bound is wider, so that rare tokens can rise. Groups of
  equal rewards are dropped by `advantages.informative_groups`. The penalty of
  overlong answers is left out: an ID has at most `L` codes.
  """
  ratios = token_ratios(log_probs, old_log_probs, where=where)
  gains = clipped(ratios, advantages[..., None], low=clip_low, high=clip_high)
  return -token_mean(gains, where=where)


def dr_grpo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i \sum_t clipped(\rho_{it}, A_i)$ (Dr.GRPO, eq. 3).

  To be used with `centered_advantages`. No length in the denominator; the
  constant by which their code divides is left to the learning rate.
  """
  ratios = token_ratios(log_probs, old_log_probs, where=where)
  gains = clipped(ratios, advantages[..., None], low=clip_eps, high=clip_eps)
  gains = sequence_sums(gains, where=where)
  return -group_mean(gains, where=_present(where))


def gspo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_low: float = 3e-4,
  clip_high: float = 4e-4,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\rho_i^{1/|o_i|}, A_i)$ (GSPO, eqs. 5 and 7)."""
  ratios = mean_ratios(log_probs, old_log_probs, where=where)
  gains = clipped(ratios, advantages, low=clip_low, high=clip_high)
  return -group_mean(gains, where=_present(where))


def ecpo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_eps: float = 0.2,
  delta: float = 0.1,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\pi / \pi'_{old}, A_i)$ with
  $\pi'_{old} = \max(sg[\pi] / (1 + \epsilon + \delta), \pi_{old})$ (OneRec).

  Differs from `eg_grpo_loss` for negative advantages only, whose ratio, and
  with it the gradient, is otherwise unbounded.
  """
  ratios = early_clipped_ratios(
    log_probs, old_log_probs, where=where, limit=1 + clip_eps + delta
  )
  gains = clipped(ratios, advantages, low=clip_eps, high=clip_eps)
  return -group_mean(gains, where=_present(where))


def eg_grpo_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\rho_i, A_i)$ (EG-GRPO, arXiv 2605.14434).

  Experts are members of the group like all others: their `old_log_probs` is
  what the old policy gives them, with no correction for not having been
  sampled, as in the paper. `rl/experts.py` puts them there; without
  any this is GRPO with sequence ratios.
  """
  ratios = sequence_ratios(log_probs, old_log_probs, where=where)
  gains = clipped(ratios, advantages, low=clip_eps, high=clip_eps)
  return -group_mean(gains, where=_present(where))


def grpo_sr_loss(
  log_probs: jax.Array,
  old_log_probs: jax.Array,
  advantages: jax.Array,
  *,
  where: jax.Array,
) -> jax.Array:
  r"""$-\frac1G \sum_i \frac1{|o_i|} \sum_t \frac\pi{sg[\pi]} A_i$.

  GenRec's GRPO-SR (arXiv 2604.14878): no old policy (not read), no clip and no
  KL; `nll_loss` on real positives holds the policy instead.
  """
  del old_log_probs
  ratios = stopped_ratios(log_probs, where=where)
  gains = sequence_means(ratios * advantages[..., None], where=where)
  return -group_mean(gains, where=_present(where))


def nll_loss(log_probs: jax.Array, *, where: jax.Array) -> jax.Array:
  r"""$-E_{v \in D^+} \sum_t \log \pi(v_t)$, `[...]` of `[..., P, L]`.

  The other half of GRPO-SR. The mean is over the positives of one request
  `[OURS]`.
  """
  totals = sequence_sums(log_probs, where=where)
  return -group_mean(totals, where=_present(where))
