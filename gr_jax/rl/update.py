"""One update of the policy from groups and their rewards, in one call.

The loss is that of `rl/objective.py`. A batch may be cut into parts
for memory: gradient accumulation changes nothing but rounding.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gr_jax.decoding.scoring import ScoreCodes
from gr_jax.rl.group_metrics import group_metrics
from gr_jax.rl.objective import (
  Metrics,
  batch_log_probs,
  group_weights,
  objective,
)
from gr_jax.rl.objective_config import AlignmentConfig
from gr_jax.rl.state import AlignmentBatch, AlignmentState, Unchanged

Update = Callable[
  [AlignmentState, Unchanged, AlignmentBatch], tuple[AlignmentState, Metrics]
]


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


def make_update(
  model: nn.Module,
  score: ScoreCodes,
  optimizer: optax.GradientTransformation,
  *,
  config: AlignmentConfig,
  like: AlignmentState,
) -> Update:
  """One jitted update; the state that goes in is given up.

  Args:
    model: scores codes.
    score: which policy is aligned, see `rl/policies.py`.
    optimizer: makes updates of gradients.
    config: the objective.
    like: a state; every update leaves its arrays where this one has them.

  Returns:
    `(state, unchanged, batch) -> (state, metrics)`; `B` must be a multiple of
    `config.parts`.
  """

  def update(state, unchanged, batch):
    def scored(params, part):
      variables = params | unchanged.counts
      return batch_log_probs(model, score, variables, part, unchanged.trie)

    def add(total, part):
      grads, kept = jax.grad(objective, has_aux=True)(
        state.params,
        state,
        unchanged.reference,
        *part,
        score=scored,
        config=config,
      )
      return jax.tree.map(jnp.add, total, grads), kept

    pieces = _split((batch, group_weights(batch, config)), config.parts)
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
    in_shardings=(shardings, None, None),
    out_shardings=(shardings, None),
  )
