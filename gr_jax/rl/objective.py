r"""The objective that an update of the policy minimises.

  $L = E_x[policy\ loss] + \lambda_{KL} E_x[k(\pi, \pi_{ref})]
       + \lambda_{NLL} E_x[-\log \pi(positives)]$

Every expectation is over the groups of the whole batch, however it is cut into
parts for memory, so that the losses of the parts add up to that of the whole.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.choices import choose
from gr_jax.rl.advantages import informative_groups
from gr_jax.rl.kl import KL_ESTIMATORS, KlEstimator, k3, kl_penalty
from gr_jax.rl.losses.build import Loss, build_loss
from gr_jax.rl.losses.grpo import eg_grpo_loss, nll_loss
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.scored_group import Group, ScoredGroup

Metrics = dict[str, jax.Array]
_ON_POLICY = OldPolicy()


class Samples(Protocol):
  """The fields of a rollout that the objective reads.

  Attributes:
    group: `[B, G]` members.
    positives_where: `[B, P, L]` bool, the tokens of positives that count.
  """

  group: Group
  positives_where: jax.Array


# From parameters, context and samples to log-probabilities of group and
# positives, `[B, G, L]` and `[B, P, L]`.
Score = Callable[[Any, Any, Samples], tuple[jax.Array, jax.Array]]


def all_groups(rewards: jax.Array, *, where: jax.Array) -> jax.Array:
  """`[B]`: every group with a member counts, whatever it earned."""
  del rewards
  return jnp.any(where, axis=-1)


def as_they_are(samples: Samples) -> Samples:
  """What the policy reads."""
  return samples


@dataclasses.dataclass(frozen=True)
class AlignmentConfig:
  """The objective; the defaults are EG-GRPO's.

  Attributes:
    policy_loss: a loss of `rl/losses`.
    counted: the groups that the policy loss is the mean of: `all_groups`, or
      `informative_groups` (DAPO).
    kl_coef: the weight of the divergence from the reference, on samples only
      `[OURS]`: an expert says nothing of the policy.
    kl_estimator: `k1`, `k2` or `k3`.
    nll_coef: the weight of the positives (GRPO-SR's alpha).
    old_policy: the rule for the parameters that rollouts are drawn from.
    parts: the number of pieces of a batch whose gradients are added up.
    reference_reads: what the reference is given of the samples; other prompts
      than the policy's make it wrong, which experiments may want.
  """

  policy_loss: Loss = eg_grpo_loss
  counted: Callable[..., jax.Array] = all_groups
  kl_coef: float = 1.0
  kl_estimator: KlEstimator = k3
  nll_coef: float = 0.0
  old_policy: OldPolicy = _ON_POLICY
  parts: int = 1
  reference_reads: Callable[[Any], Any] = as_they_are


def alignment_config(section: Mapping[str, Any]) -> AlignmentConfig:
  """The objective that a section `align` describes.

  Args:
    section: `loss`, one of `losses.build.LOSSES`; optional are
      `loss_options`, its keyword arguments; `advantages`, "normalized",
      "centered" or "" for the loss's own; `drop_equal_groups`, which leaves
      groups of equal rewards out of the mean; `kl_coef`, `kl_estimator`,
      `nll_coef`; `old_every`, the updates between two old policies, and
      `old_decay`, the share of the former one that stays; `parts`.

  Raises:
    ValueError: a name or an option that does not exist.
  """
  drop = section.get("drop_equal_groups", False)
  return AlignmentConfig(
    policy_loss=build_loss(
      section["loss"],
      advantages=section.get("advantages", ""),
      options=section.get("loss_options"),
    ),
    counted=informative_groups if drop else all_groups,
    kl_coef=section.get("kl_coef", 0.0),
    kl_estimator=choose(
      "align.kl_estimator", section.get("kl_estimator", "k3"), KL_ESTIMATORS
    ),
    nll_coef=section.get("nll_coef", 0.0),
    old_policy=OldPolicy(
      section.get("old_every", 1), section.get("old_decay", 0.0)
    ),
    parts=section.get("parts", 1),
  )


@struct.dataclass
class GroupWeights:
  """The weight of each group `[B]` in each mean, known before any part is."""

  policy: jax.Array
  kl: jax.Array
  nll: jax.Array


def group_weights(
  samples: Samples, rewards: jax.Array, config: AlignmentConfig
) -> GroupWeights:
  """Weights of all groups of a batch; each of the three sums to 1 or to 0."""

  def shares(where: jax.Array) -> jax.Array:
    return where / jnp.maximum(jnp.sum(where), 1)

  group = samples.group
  return GroupWeights(
    policy=shares(config.counted(rewards, where=group.present)),
    kl=shares(jnp.any(group.sampled & group.present, axis=1)),
    nll=shares(jnp.any(samples.positives_where, axis=(1, 2))),
  )


def objective(
  params: Any,
  old_params: Any,
  context: Any,
  samples: Samples,
  rewards: jax.Array,
  weights: GroupWeights,
  *,
  score: Score,
  config: AlignmentConfig,
) -> tuple[jax.Array, tuple[Metrics, ScoredGroup]]:
  """The share of a part of the batch in the loss; its terms and its scores.

  `context` has the parameters of the `reference`, and is passed to `score`;
  `rewards` are `[B, G]`, and `weights` those of the part.
  """
  group = samples.group
  log_probs, positives = score(params, context, samples)
  if config.old_policy.is_present:
    old = jax.lax.stop_gradient(log_probs)
  else:
    old, _ = score(old_params, context, samples)
  scored = ScoredGroup(log_probs, old, rewards, group.where, group.sampled)
  # Where neither the loss nor the KL term reads it, XLA leaves it out.
  read = config.reference_reads(samples)
  ref, _ = score(context.reference, context, read)
  losses = config.policy_loss(dataclasses.replace(scored, ref_log_probs=ref))
  terms = {"align/policy_loss": jnp.sum(weights.policy * losses)}
  loss = terms["align/policy_loss"]
  if config.kl_coef:
    own = group.where & group.sampled[..., None]
    kl = kl_penalty(log_probs, ref, where=own, estimator=config.kl_estimator)
    terms["align/kl"] = jnp.sum(weights.kl * kl)
    loss += config.kl_coef * terms["align/kl"]
  if config.nll_coef:
    nll = nll_loss(positives, where=samples.positives_where)
    terms["align/nll"] = jnp.sum(weights.nll * nll)
    loss += config.nll_coef * terms["align/nll"]
  return loss, (terms | {"align/loss": loss}, scored)
