"""AdamW with a warm-up and a cosine to zero."""

import dataclasses

import jax
import optax


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
  """AdamW.

  Attributes:
    learning_rate: at the peak.
    warmup_share: share of the steps that climb to it.
    weight_decay: on matrices only.
    clip_norm: largest global norm of a gradient.
    b2: decay of the second moment.
  """

  learning_rate: float = 1e-3
  warmup_share: float = 0.05
  weight_decay: float = 0.05
  clip_norm: float = 1.0
  b2: float = 0.98


def make_schedule(config: OptimizerConfig, steps: int) -> optax.Schedule:
  """Linear to the peak, then half a cosine to 0 at `steps`."""
  warmup = max(1, round(config.warmup_share * steps))
  return optax.warmup_cosine_decay_schedule(
    0.0, config.learning_rate, warmup, max(steps, warmup + 1)
  )


def make_optimizer(
  config: OptimizerConfig, steps: int
) -> optax.GradientTransformation:
  """Clipping, then AdamW on the schedule."""

  def matrices(params):
    return jax.tree.map(lambda p: p.ndim > 1, params)

  return optax.chain(
    optax.clip_by_global_norm(config.clip_norm),
    optax.adamw(
      make_schedule(config, steps),
      b2=config.b2,
      weight_decay=config.weight_decay,
      mask=matrices,
    ),
  )
