"""What an update of the policy minimises."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from gr_jax.rl.advantages import normalized_advantages
from gr_jax.rl.kl import KlEstimator, k3
from gr_jax.rl.losses.grpo import eg_grpo_loss
from gr_jax.rl.old_policy import OldPolicy, periodic


def all_groups(rewards: jax.Array, *, where: jax.Array) -> jax.Array:
  """`[B]`: every group with a member counts, whatever it earned."""
  del rewards
  return jnp.any(where, axis=-1)


@dataclasses.dataclass(frozen=True)
class AlignmentConfig:
  """The objective; the defaults are EG-GRPO's.

  Attributes:
    policy_loss: of `rl/losses/grpo.py`, as `(log_probs, old_log_probs,
      advantages, where=)`.
    advantages: of `rl/advantages.py`.
    counted: which groups the policy loss is the mean of: `all_groups`, or
      `informative_groups` (DAPO).
    kl_coef: weight of the divergence from the reference, on samples only
      `[OURS]`: an expert says nothing of the policy.
    kl_estimator: `k1`, `k2` or `k3`.
    nll_coef: weight of the positives (GRPO-SR's alpha).
    old_policy: what rollouts are drawn from.
    parts: pieces of a batch whose gradients are added up.
  """

  policy_loss: Callable[..., jax.Array] = eg_grpo_loss
  advantages: Callable[..., jax.Array] = normalized_advantages
  counted: Callable[..., jax.Array] = all_groups
  kl_coef: float = 1.0
  kl_estimator: KlEstimator = k3
  nll_coef: float = 0.0
  old_policy: OldPolicy = dataclasses.field(default_factory=lambda: periodic(1))
  parts: int = 1
