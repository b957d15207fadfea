r"""Policy losses of the GRPO family.

Every loss takes a `ScoredGroup` and gives one number per group, `[...]`. The
expectation over prompts, the KL term and the NLL term are those of
`rl/objective.py`. With `A = advantages(rewards)` and

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

from gr_jax.rl.advantages import (
  Advantages,
  centered_advantages,
  normalized_advantages,
)
from gr_jax.rl.ratios import (
  early_clipped_ratios,
  group_mean,
  mean_ratios,
  sequence_means,
  sequence_ratios,
  sequence_sums,
  stopped_ratios,
  token_mean,
  token_ratios,
)
from gr_jax.rl.scored_group import ScoredGroup


def clipped(
  ratios: jax.Array, advantages: jax.Array, *, low: float, high: float
) -> jax.Array:
  """`min(p A, clip(p, 1 - low, 1 + high) A)`, elementwise (PPO, eq. 7)."""
  bounded = jnp.clip(ratios, 1 - low, 1 + high)
  return jnp.minimum(ratios * advantages, bounded * advantages)


def _token_gains(
  group: ScoredGroup, advantages: Advantages, *, low: float, high: float
) -> jax.Array:
  r"""$clipped(\rho_{it}, A_i)$, `[..., G, L]`."""
  a = advantages(group.rewards, where=group.present)
  return clipped(token_ratios(group), a[..., None], low=low, high=high)


def grpo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = normalized_advantages,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i \frac1{|o_i|} \sum_t clipped(\rho_{it}, A_i)$.

  DeepSeekMath, eq. 3, without its KL term.
  """
  gains = _token_gains(group, advantages, low=clip_eps, high=clip_eps)
  gains = sequence_means(gains, where=group.where)
  return -group_mean(gains, where=group.present)


def dapo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = normalized_advantages,
  clip_low: float = 0.2,
  clip_high: float = 0.28,
) -> jax.Array:
  r"""$-\frac1{\sum_i|o_i|} \sum_i \sum_t clipped(\rho_{it}, A_i)$.

  DAPO, eq. 8: the upper bound is wider, so that rare tokens can rise. Groups of
  equal rewards are left out by `AlignmentConfig.counted`. The penalty of
  overlong answers is left out: an ID has at most `L` codes.
  """
  gains = _token_gains(group, advantages, low=clip_low, high=clip_high)
  return -token_mean(gains, where=group.where)


def dr_grpo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = centered_advantages,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i \sum_t clipped(\rho_{it}, A_i)$ (Dr.GRPO, eq. 3).

  Neither a spread nor a length in the denominator; the constant by which their
  code divides is left to the learning rate.
  """
  gains = _token_gains(group, advantages, low=clip_eps, high=clip_eps)
  gains = sequence_sums(gains, where=group.where)
  return -group_mean(gains, where=group.present)


def gspo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = normalized_advantages,
  clip_low: float = 3e-4,
  clip_high: float = 4e-4,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\rho_i^{1/|o_i|}, A_i)$ (GSPO, eqs. 5 and 7)."""
  a = advantages(group.rewards, where=group.present)
  gains = clipped(mean_ratios(group), a, low=clip_low, high=clip_high)
  return -group_mean(gains, where=group.present)


def ecpo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = normalized_advantages,
  clip_eps: float = 0.2,
  delta: float = 0.1,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\pi / \pi'_{old}, A_i)$ with
  $\pi'_{old} = \max(sg[\pi] / (1 + \epsilon + \delta), \pi_{old})$ (OneRec).

  Differs from `eg_grpo_loss` for negative advantages only, whose ratio, and
  with it the gradient, is otherwise unbounded.
  """
  ratios = early_clipped_ratios(group, limit=1 + clip_eps + delta)
  a = advantages(group.rewards, where=group.present)
  gains = clipped(ratios, a, low=clip_eps, high=clip_eps)
  return -group_mean(gains, where=group.present)


def eg_grpo_loss(
  group: ScoredGroup,
  *,
  advantages: Advantages = normalized_advantages,
  clip_eps: float = 0.2,
) -> jax.Array:
  r"""$-\frac1G \sum_i clipped(\rho_i, A_i)$ (EG-GRPO, arXiv 2605.14434).

  Experts are members of the group like all others: their `old_log_probs` is
  what the old policy gives them, with no correction for not having been
  sampled, as in the paper. `rl/experts.py` puts them there; without
  any this is GRPO with sequence ratios.
  """
  a = advantages(group.rewards, where=group.present)
  gains = clipped(sequence_ratios(group), a, low=clip_eps, high=clip_eps)
  return -group_mean(gains, where=group.present)


def grpo_sr_loss(
  group: ScoredGroup, *, advantages: Advantages = normalized_advantages
) -> jax.Array:
  r"""$-\frac1G \sum_i \frac1{|o_i|} \sum_t \frac\pi{sg[\pi]} A_i$.

  GenRec's GRPO-SR (arXiv 2604.14878): no old policy, no clip and no KL;
  `nll_loss` on real positives keeps the policy near them instead.
  """
  a = advantages(group.rewards, where=group.present)[..., None]
  gains = sequence_means(stopped_ratios(group) * a, where=group.where)
  return -group_mean(gains, where=group.present)


def zero_loss(group: ScoredGroup) -> jax.Array:
  """0 for every group: only the NLL and KL terms of the objective are left."""
  return jnp.zeros(group.rewards.shape[:-1], group.log_probs.dtype)


def nll_loss(log_probs: jax.Array, *, where: jax.Array) -> jax.Array:
  r"""$-E_{v \in D^+} \sum_t \log \pi(v_t)$, `[...]` of `[..., P, L]`.

  The other half of GRPO-SR. The mean is over the positives of one request
  `[OURS]`.
  """
  totals = sequence_sums(log_probs, where=where)
  return -group_mean(totals, where=jnp.any(where, axis=-1))
