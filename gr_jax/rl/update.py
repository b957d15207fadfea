"""One update of the policy from groups and their rewards, in one call.

The loss is that of `rl/objective.py`. A batch may be cut into parts
for memory: gradient accumulation changes nothing but rounding.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from gr_jax.rl.explore import Exploration, explorer_gap
from gr_jax.rl.group_metrics import group_metrics
from gr_jax.rl.objective import (
  AlignmentConfig,
  Metrics,
  Samples,
  Score,
  group_weights,
  objective,
)
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.training import finite
from gr_jax.training.micro_batches import join_batch, split_batch


@struct.dataclass
class AlignmentState:
  """The state that alignment carries from step to step.

  Attributes:
    step: the number of updates done.
    params: the trained parameters, and nothing that was counted.
    opt_state: the state of the optimizer.
    old_params: the parameters that rollouts are drawn from.
  """

  step: jax.Array
  params: Any
  opt_state: Any
  old_params: Any


# From state, context, samples and rewards `[B, G]`.
Update = Callable[
  [AlignmentState, Any, Samples, jax.Array], tuple[AlignmentState, Metrics]
]


def start_alignment(
  params: Any, optimizer: optax.GradientTransformation
) -> AlignmentState:
  """The state before the first update; `params` are copied."""
  copied = jax.tree.map(jnp.copy, params)
  return AlignmentState(
    step=jnp.zeros((), jnp.int32),
    params=copied,
    opt_state=optimizer.init(copied),
    old_params=jax.tree.map(jnp.copy, params),
  )


def summed_gradients(
  loss: Callable[[Any, Any], tuple[jax.Array, Any]], params: Any, pieces: Any
) -> tuple[Any, Any]:
  """Gradients of a loss, summed over pieces one after another.

  Args:
    loss: `(params, piece) -> (loss, kept)`.
    params: its first argument.
    pieces: a tree whose leading axis is that of the pieces.

  Returns:
    The sum, and what is kept of all pieces, stacked.
  """

  def add(total, piece):
    grads, kept = jax.grad(loss, has_aux=True)(params, piece)
    return jax.tree.map(jnp.add, total, grads), kept

  return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), pieces)


def next_state(
  state: AlignmentState,
  grads: Any,
  metrics: Metrics,
  *,
  optimizer: optax.GradientTransformation,
  old_policy: OldPolicy,
) -> tuple[AlignmentState, Metrics]:
  """The state a step down the gradients, and the metrics of the step.

  They hold the norm of the gradients and `finite.FIRST_BAD`: whether a metric,
  gradient or parameter is not finite.
  """
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  params = optax.apply_updates(state.params, updates)
  metrics = metrics | {"align/grad_norm": optax.tree.norm(grads)}
  parts = finite.step_parts(metrics, finite.leaf_norms(grads), params)
  metrics[finite.FIRST_BAD] = finite.first_bad(parts)
  step = state.step + 1
  old = old_policy(step, state.old_params, params)
  return AlignmentState(step, params, opt_state, old), metrics


def make_update(
  score: Score,
  optimizer: optax.GradientTransformation,
  *,
  config: AlignmentConfig,
  like: AlignmentState,
  explore: Exploration | None = None,
) -> Update:
  """`(state, context, samples, rewards) -> (state, metrics)`, jitted.

  The state that goes in is given up; every update leaves its arrays where those
  of `like` are. `B` must be a multiple of `config.parts`. With `explore` only
  the most contrastive of the samples are learned, and metrics but those of
  `Exploration.metrics` are of them.
  """

  def update(state, context, samples, rewards):
    found = {}
    if explore is not None:
      if samples.drawn_log_probs is None:
        raise ValueError("explore needs a rollout with an explorer.")
      found = explore.metrics(samples, rewards)
      samples, rewards = explore.choose(samples, rewards)

    def loss(params, part):
      return objective(
        params, state.old_params, context, *part, score=score, config=config
      )

    weights = group_weights(samples, rewards, config)
    pieces = split_batch((samples, rewards, weights), config.parts)
    grads, (terms, scored) = summed_gradients(loss, state.params, pieces)
    scored = join_batch(scored)
    metrics = jax.tree.map(jnp.sum, terms) | found
    metrics |= group_metrics(scored, samples.group.ids)
    if explore is not None:
      metrics |= explorer_gap(scored, samples.drawn_log_probs)
    return next_state(
      state, grads, metrics, optimizer=optimizer, old_policy=config.old_policy
    )

  shardings = jax.tree.map(lambda x: x.sharding, like)
  # Given for what goes in as well: a first state has arrays that may move and
  # its successors have none, which would compile everything twice.
  return jax.jit(
    update,
    donate_argnums=0,
    in_shardings=(shardings, None, None, None),
    out_shardings=(shardings, None),
  )
