r"""One update of the policy from groups and their rewards, in one call.

  $L = E_x[policy\ loss] + \lambda_{KL} E_x[k(\pi, \pi_{ref})]
       + \lambda_{NLL} E_x[-\log \pi(positives)]$

Every expectation is over the groups of the whole batch, however it is cut into
parts for memory: gradient accumulation changes nothing but rounding. Group and
positives of a request are branches of one prompt, so that each policy scores
them in one pass.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from gr_jax.decoding.trie import Trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.rl.advantages import normalized_advantages
from gr_jax.rl.alignment_metrics import group_metrics
from gr_jax.rl.alignment_state import AlignmentBatch, AlignmentState
from gr_jax.rl.kl import KlEstimator, k3, kl_penalty
from gr_jax.rl.losses import eg_grpo_loss, nll_loss
from gr_jax.rl.old_policy import OldPolicy, periodic
from gr_jax.rl.scoring import ScoreCodes

Metrics = dict[str, jax.Array]
Update = Callable[..., tuple[AlignmentState, Metrics]]


def all_groups(rewards: jax.Array, *, where: jax.Array) -> jax.Array:
  """`[B]`: every group with a member counts, whatever it earned."""
  del rewards
  return jnp.any(where, axis=-1)


@dataclasses.dataclass(frozen=True)
class AlignmentConfig:
  """The objective; the defaults are EG-GRPO's.

  Attributes:
    policy_loss: of `rl/losses.py`, as `(log_probs, old_log_probs, advantages,
      where=)`.
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


@struct.dataclass
class _Weights:
  """What each group `[B]` weighs in each mean; known before any part is."""

  policy: jax.Array
  kl: jax.Array
  nll: jax.Array


def _group_weights(batch: AlignmentBatch, config: AlignmentConfig) -> _Weights:
  def shares(where: jax.Array) -> jax.Array:
    return where / jnp.maximum(jnp.sum(where), 1)

  group = batch.group
  counted = config.counted(batch.rewards, where=group.present)
  return _Weights(
    policy=shares(counted),
    kl=shares(jnp.any(group.sampled & group.present, axis=1)),
    nll=shares(jnp.any(batch.positives_where, axis=(1, 2))),
  )


def _log_probs(
  model: DecoderOnly,
  score: ScoreCodes,
  params: Any,
  batch: AlignmentBatch,
  trie: Trie,
) -> tuple[jax.Array, jax.Array]:
  """Of the group `[B, G, L]` and of the positives `[B, P, L]`."""
  codes = jnp.concatenate((batch.group.codes, batch.positives), axis=1)
  shape = (*codes.shape[:2], batch.queries.shape[-1])
  queries = jnp.broadcast_to(batch.queries[:, None], shape)
  found = score(model.apply(params, batch.prompt, queries, codes), codes, trie)
  size = batch.group.codes.shape[1]
  return found[:, :size], found[:, size:]


def _split(tree: Any, parts: int) -> Any:
  """`[B, ...]` to `[parts, B / parts, ...]`, every `parts`-th row together.

  A batch that is split over devices in blocks stays where it is.
  """

  def split(x: jax.Array) -> jax.Array:
    x = x.reshape(x.shape[0] // parts, parts, *x.shape[1:])
    return x.swapaxes(0, 1)

  return jax.tree.map(split, tree)


def _join(tree: Any) -> Any:
  return jax.tree.map(lambda x: jnp.concatenate(x.swapaxes(0, 1), axis=0), tree)


def _objective(
  params: Any,
  state: AlignmentState,
  reference: Any,
  part: AlignmentBatch,
  weights: _Weights,
  *,
  score: Callable[[Any, AlignmentBatch], tuple[jax.Array, jax.Array]],
  config: AlignmentConfig,
) -> tuple[jax.Array, tuple[Metrics, tuple[jax.Array, jax.Array]]]:
  """What a part adds to the loss; its terms and both policies' scores."""
  group, (log_probs, positives) = part.group, score(params, part)
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


def make_update(
  model: DecoderOnly,
  score: ScoreCodes,
  optimizer: optax.GradientTransformation,
  *,
  config: AlignmentConfig,
  like: AlignmentState,
) -> Update:
  """One jitted update; the state that goes in is given up.

  Args:
    model: scores codes.
    score: which policy is aligned, see `rl/scoring.py`: the one in the
      catalogue for groups of `rollouts.py`, the free one for `free_rollouts`.
    optimizer: makes updates of gradients.
    config: the objective.
    like: a state; every update leaves its arrays where this one has them.

  Returns:
    `(state, reference, trie, batch) -> (state, metrics)`; `reference` are
    parameters, and `B` must be a multiple of `config.parts`.
  """

  def update(state, reference, trie, batch):
    def scored(params, part):
      return _log_probs(model, score, params, part, trie)

    def add(total, part):
      grads, kept = jax.grad(_objective, has_aux=True)(
        state.params, state, reference, *part, score=scored, config=config
      )
      return jax.tree.map(jnp.add, total, grads), kept

    pieces = _split((batch, _group_weights(batch, config)), config.parts)
    nothing = jax.tree.map(jnp.zeros_like, state.params)
    grads, (terms, scores) = jax.lax.scan(add, nothing, pieces)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    step = state.step + 1
    metrics = jax.tree.map(jnp.sum, terms)
    metrics |= group_metrics(*_join(scores), batch.rewards, batch.group)
    metrics["align/grad_norm"] = optax.tree.norm(grads)
    old = config.old_policy(step, state.old_params, params)
    return AlignmentState(step, params, opt_state, old), metrics

  shardings = jax.tree.map(lambda x: x.sharding, like)
  # Given for what goes in as well: a first state has arrays that may move and
  # its successors have none, which would compile everything twice.
  return jax.jit(
    update,
    donate_argnums=0,
    in_shardings=(shardings, None, None, None),
    out_shardings=(shardings, None),
  )
