"""Next-token prediction that knows what targets are worth (GR4AD's VSL)."""

import dataclasses
import functools

import jax
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.pipeline.point_wise import point_wise_with
from experiments.pipeline.task import Task, dropout_keys
from experiments.pipeline.untrained import Untrained
from gr_jax.generators.priors.left_out import without_future
from gr_jax.generators.training_examples.single import Examples, TargetGroups
from gr_jax.generators.training_examples.valued import (
  WeightsConfig,
  with_values,
)
from gr_jax.generators.value_scores import value_aware_scores
from gr_jax.generators.values import buckets_of
from gr_jax.objectives.value_aware import (
  target_totals,
  total_loss,
  value_aware_losses,
)


@dataclasses.dataclass(frozen=True)
class ValueConfig:
  """Section generator.value.

  Attributes:
    buckets: the largest number of buckets of the value.
    value_coef: the weight of the value's loss, `λ_e`.
    early_coef: the weight of the early states' loss, `λ_mtp`.
    rerank: how much values count when the beam is ranked
      (`decoding/value_ranking`), of which validation chooses one; one alone is
      taken.
    weights: the weights of samples.

  Raises:
    ValueError: a number that is below 0 or not finite, fewer than two buckets,
      or no `rerank`.
  """

  buckets: int = 20
  value_coef: float = 0.1
  early_coef: float = 0.3
  rerank: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
  weights: WeightsConfig = dataclasses.field(default_factory=WeightsConfig)

  def __post_init__(self):
    if self.buckets < 2:
      raise ValueError(
        f"generator.value.buckets is {self.buckets}; give at least 2."
      )
    if not len(self.rerank):
      raise ValueError("generator.value.rerank is empty; give a number.")
    for name in ("value_coef", "early_coef", "rerank"):
      value = getattr(self, name)
      if not all(0 <= x < float("inf") for x in np.ravel(value)):
        raise ValueError(
          f"generator.value.{name} is {value}; give finite numbers from 0 on."
        )


def value_config(section: ConfigDict) -> ValueConfig:
  """What a generator section says of values."""
  options = section.value.to_dict()
  weights = WeightsConfig(**options.pop("weights", {}))
  return ValueConfig(weights=weights, **options)


def value_aware(parts: Untrained) -> Task:
  """The targets of `point_wise`, their values and weights.

  The section has `value` as `ValueConfig`, and all that `point_wise` reads.
  """
  config = value_config(parts.section)
  requests = parts.data.requests

  def valued(groups: TargetGroups) -> TargetGroups:
    return with_values(groups, requests, config=config.weights)

  loss = functools.partial(value_aware_loss, config=config)
  return point_wise_with(parts, valued)._replace(
    loss=loss,
    totals=lambda batch: target_totals(batch.weights, where=batch.mask),
  )


def value_aware_loss(
  model: nn.Module,
  params,
  batch: Examples,
  counts,
  *,
  config: ValueConfig,
  key=None,
  totals: jax.Array | None = None,
):
  """`L` of `objectives/value_aware`, and its parts."""
  variables = params | without_future(counts, batch.left_out)
  found = model.apply(
    variables,
    batch.prompt,
    batch.queries,
    batch.codes,
    method=value_aware_scores,
    rngs=dropout_keys(model, key),
  )
  buckets = buckets_of(counts)
  losses = value_aware_losses(
    found.codes,
    found.early,
    found.values,
    batch.codes,
    buckets.of(batch.values),
    weights=batch.weights,
    where=batch.mask,
    totals=totals,
  )
  return total_loss(
    losses, value_coef=config.value_coef, early_coef=config.early_coef
  )
