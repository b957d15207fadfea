"""AdamW with a warm-up, and a rate that falls to zero or stays."""

import dataclasses

import jax
import optax

from gr_jax.choices import choose
from gr_jax.training.averaging import average_params


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
  """AdamW.

  Attributes:
    learning_rate: at the peak.
    warmup_share: share of the steps that climb to it.
    weight_decay: on matrices only, those of candidates excepted, which are
      fitted before (`generators.priors.candidate_fit`).
    clip_norm: largest global norm of a gradient.
    b2: decay of the second moment.
    schedule: "cosine" falls to zero at the last step, which must be known;
      "constant" stays, for a training that may stop at any step.
    average: the share of the steps that the average of the parameters
      remembers (`averaging`), 0 = none; it stands in for a falling rate.
  """

  learning_rate: float = 1e-3
  warmup_share: float = 0.05
  weight_decay: float = 0.05
  clip_norm: float = 1.0
  b2: float = 0.98
  schedule: str = "cosine"
  average: float = 0.0


def cosine_schedule(config: OptimizerConfig, steps: int) -> optax.Schedule:
  """Linear to the peak, then half a cosine to 0 at `steps`."""
  warmup = max(1, round(config.warmup_share * steps))
  return optax.warmup_cosine_decay_schedule(
    0.0, config.learning_rate, warmup, max(steps, warmup + 1)
  )


def constant_schedule(config: OptimizerConfig, steps: int) -> optax.Schedule:
  """Linear to the peak in `2 / (1 - b2)` steps, and no step after matters.

  So many steps Adam's second moment needs (Ma and Yarats 2019, arXiv
  1910.04209); `steps` is not read.
  """
  del steps
  warmup = max(1, round(2 / (1 - config.b2)))
  return optax.linear_schedule(0.0, config.learning_rate, warmup)


SCHEDULES = {"cosine": cosine_schedule, "constant": constant_schedule}


def make_schedule(config: OptimizerConfig, steps: int) -> optax.Schedule:
  """The schedule that the config names, for `steps` steps at most.

  Raises:
    ValueError: there is no such schedule.
  """
  choose("optimizer.schedule", config.schedule, SCHEDULES)
  return SCHEDULES[config.schedule](config, steps)


def _fitted_before(path: tuple) -> bool:
  return any(getattr(key, "key", None) == "candidates" for key in path)


def make_optimizer(
  config: OptimizerConfig, steps: int
) -> optax.GradientTransformation:
  """Clipping, then AdamW on the schedule, then the average if there is one."""

  def matrices(params):
    return jax.tree_util.tree_map_with_path(
      lambda path, p: p.ndim > 1 and not _fitted_before(path), params
    )

  parts = [
    optax.clip_by_global_norm(config.clip_norm),
    optax.adamw(
      make_schedule(config, steps),
      b2=config.b2,
      weight_decay=config.weight_decay,
      mask=matrices,
    ),
  ]
  if config.average:
    parts.append(average_params(config.average))
  return optax.chain(*parts)
