r"""Value-aware supervised learning (VSL of GR4AD, arXiv 2602.22732).

$$ L = E[w (L_{SID} + \lambda_e L_{eCPM}) + \lambda_{mtp} L_{MTP}], \quad
   L_{eCPM} = -\log P(b(v) | y, X) $$

`L_SID` and `L_MTP` are next-token losses of the codes of a target: of the
fused states, and of the early ones, which read no code before. `b(v)` is the
bucket of the target's value, predicted after its last code. `w` is the weight
of a sample, by its user and what they did. Means are over the places of the
batch, those of `w` over its sum.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.objectives.next_token import level_targets, token_losses


class ValueAwareLosses(NamedTuple):
  """The parts of `L`, before their weights in it.

  Attributes:
    codes: `[L]`, the next-token loss of every level.
    value: `L_eCPM`.
    early: `L_MTP`, 0 without early states.
  """

  codes: jax.Array
  value: jax.Array
  early: jax.Array


def value_aware_losses(
  codes: list[jax.Array],
  early: list[jax.Array],
  values: jax.Array,
  targets: jax.Array,
  buckets: jax.Array,
  *,
  weights: jax.Array,
  where: jax.Array,
  totals: jax.Array | None = None,
) -> ValueAwareLosses:
  """The losses of `P` targets in each of `B` rows.

  Args:
    codes: per level, logits `[B, P, C_l]`; a last column may say that the ID
      ends.
    early: the same of the early states, or nothing.
    values: logits `[B, P, V]` of the buckets.
    targets: the codes `[B, P, L]`, -1 after an early end.
    buckets: `[B, P]`, from 0 to `V - 1`.
    weights: `[B, P]`, `w`.
    where: `[B, P]`, which targets count.
    totals: `target_totals` of the whole batch, of which this is a part; None of
      a whole batch.
  """
  totals = target_totals(weights, where=where) if totals is None else totals
  weights = jnp.where(where, weights, 0)

  def mean(losses: jax.Array, weights: jax.Array, total: jax.Array):
    return jnp.sum(weights * losses) / jnp.where(total > 0, total, 1)

  own = [
    mean(token_losses(scores, target, where=open_mask), weights, totals[0])
    for scores, target, open_mask in level_targets(codes, targets, where=where)
  ]
  alone = [
    mean(token_losses(scores, target, where=open_mask), where, totals[1])
    for scores, target, open_mask in level_targets(early, targets, where=where)
  ]
  value = token_losses(values, buckets, where=where)
  return ValueAwareLosses(
    jnp.stack(own),
    mean(value, weights, totals[0]),
    jnp.sum(jnp.stack(alone)) if alone else jnp.zeros(()),
  )


def target_totals(weights: jax.Array, *, where: jax.Array) -> jax.Array:
  """`[2]`: the sum of the weights and the number of the targets."""
  return jnp.stack((jnp.sum(weights, where=where), jnp.sum(where)))


def total_loss(
  losses: ValueAwareLosses, *, value_coef: float, early_coef: float
) -> tuple[jax.Array, dict[str, Any]]:
  """`L` of its parts, and what a training logs of them."""
  codes = losses.codes.sum()
  loss = codes + value_coef * losses.value + early_coef * losses.early
  metrics = {
    "train/loss": loss,
    "train/loss_value": losses.value,
    "train/loss_early": losses.early,
  }
  for level, one in enumerate(losses.codes, 1):
    metrics[f"train/loss_{level}"] = one
  return loss, metrics
