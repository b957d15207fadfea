r"""The loss of one part of a batch, such that parts add up to the whole.

  $L = E_x[policy\ loss] + \lambda_{KL} E_x[k(\pi, \pi_{ref})]
       + \lambda_{NLL} E_x[-\log \pi(positives)]$

Every expectation is over the groups of the whole batch, however it is cut into
parts for memory. Group and positives of a request are branches of one prompt,
so that each policy scores them in one pass.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.decoding.scoring import ScoreCodes
from gr_jax.decoding.trie import Trie
from gr_jax.rl.kl import kl_penalty
from gr_jax.rl.losses.grpo import nll_loss
from gr_jax.rl.objective_config import AlignmentConfig
from gr_jax.rl.state import AlignmentBatch, AlignmentState

Metrics = dict[str, jax.Array]
# From parameters and batch to log-probabilities of group and positives.
Score = Callable[[Any, AlignmentBatch], tuple[jax.Array, jax.Array]]


@struct.dataclass
class GroupWeights:
  """What each group `[B]` weighs in each mean; known before any part is."""

  policy: jax.Array
  kl: jax.Array
  nll: jax.Array


def group_weights(
  batch: AlignmentBatch, config: AlignmentConfig
) -> GroupWeights:
  """Of all groups of a batch; each of the three adds up to 1 or is all 0."""

  def shares(where: jax.Array) -> jax.Array:
    return where / jnp.maximum(jnp.sum(where), 1)

  group = batch.group
  counted = config.counted(batch.rewards, where=group.present)
  return GroupWeights(
    policy=shares(counted),
    kl=shares(jnp.any(group.sampled & group.present, axis=1)),
    nll=shares(jnp.any(batch.positives_where, axis=(1, 2))),
  )


def batch_log_probs(
  model: nn.Module,
  score: ScoreCodes,
  variables: Any,
  batch: AlignmentBatch,
  trie: Trie,
) -> tuple[jax.Array, jax.Array]:
  """Of the group `[B, G, L]` and of the positives `[B, P, L]`."""
  codes = jnp.concatenate((batch.group.codes, batch.positives), axis=1)
  shape = (*codes.shape[:2], batch.queries.shape[-1])
  queries = jnp.broadcast_to(batch.queries[:, None], shape)
  logits = model.apply(variables, batch.prompt, queries, codes)
  found = score(logits, codes, trie)
  size = batch.group.codes.shape[1]
  return found[:, :size], found[:, size:]


def objective(
  params: Any,
  state: AlignmentState,
  reference: Any,
  part: AlignmentBatch,
  weights: GroupWeights,
  *,
  score: Score,
  config: AlignmentConfig,
) -> tuple[jax.Array, tuple[Metrics, tuple[jax.Array, jax.Array]]]:
  """What a part adds to the loss; its terms and both policies' scores."""
  group, (log_probs, positives) = part.group, score(params, part)
  if config.old_policy.is_present:
    old = jax.lax.stop_gradient(log_probs)
  else:
    old, _ = score(state.old_params, part)
  advantages = config.advantages(part.rewards, where=group.present)
  losses = config.policy_loss(log_probs, old, advantages, where=group.where)
  terms = {"align/policy_loss": jnp.sum(weights.policy * losses)}
  loss = terms["align/policy_loss"]
  if config.kl_coef:
    ref, _ = score(reference, part)
    own = group.where & group.sampled[..., None]
    kl = kl_penalty(log_probs, ref, where=own, estimator=config.kl_estimator)
    terms["align/kl"] = jnp.sum(weights.kl * kl)
    loss += config.kl_coef * terms["align/kl"]
  if config.nll_coef:
    nll = nll_loss(positives, where=part.positives_where)
    terms["align/nll"] = jnp.sum(weights.nll * nll)
    loss += config.nll_coef * terms["align/nll"]
  return loss, (terms | {"align/loss": loss}, (log_probs, old))
