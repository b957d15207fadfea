r"""Beams ranked by what they are worth as well (GR4AD, arXiv 2602.22732).

A generator that predicts values has one more step, after the last code of every
beam. The order of the answer is then that of

$$ \log P(y | X) + \gamma \log \hat v(y, X), $$

with `variables["values"]["rerank"]` as `gamma`; 0 leaves the order as it is.
Which IDs the beam found does not change: `[OURS]`, the paper says that the
value ranks.
"""

from typing import Any, Protocol, TypeGuard

import jax
import jax.numpy as jnp

from gr_jax.decoding.beams import Beams
from gr_jax.decoding.generator import Generator

_LEAST = 1e-30  # No value is worth less.


class ValuedGenerator(Generator, Protocol):
  """A generator that predicts values.

  Attributes:
    value_buckets: more than 0.
  """

  value_buckets: int

  def predict_value(
    self, variables: Any, codes: jax.Array, parents: jax.Array, cache: Any, /
  ) -> jax.Array:
    """Values `[B, M]` of whole IDs; arguments as for `decode_step`."""
    ...


def is_valued(generator: Generator) -> TypeGuard[ValuedGenerator]:
  """Whether a generator predicts values."""
  return bool(getattr(generator, "value_buckets", 0))


def valued_scores(
  log_probs: jax.Array, values: jax.Array, rerank: jax.Array | float
) -> jax.Array:
  """The sum above `[B, M]`; a value of 0 comes last."""
  return log_probs + rerank * jnp.log(jnp.maximum(values, _LEAST))


def rank_by_value(
  generator: ValuedGenerator, variables: Any, beams: Beams, cache: Any
) -> tuple[Beams, jax.Array]:
  """The beams after the last level in their new order, and their values.

  Returns:
    Beams, and `[B, M]` float32, 0 of dead ones.
  """
  going_on = beams.live & ~beams.ended
  codes = jnp.where(going_on, beams.codes[..., -1], -1)
  values = generator.predict_value(variables, codes, beams.parents, cache)
  values = jnp.where(beams.live, values, 0.0)
  worth = valued_scores(beams.scores, values, variables["values"]["rerank"])
  scores = jnp.where(beams.live, worth, -jnp.inf)
  order = jnp.argsort(-scores, axis=-1, stable=True)

  def ordered(x: jax.Array) -> jax.Array:
    index = order.reshape(*order.shape, *[1] * (x.ndim - 2))
    return jnp.take_along_axis(x, index, axis=1)

  return Beams(*map(ordered, beams)), ordered(values)
