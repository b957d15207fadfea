"""Pictures of prompts and seeds."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.choices import choose
from gr_jax.data.batches import padded_batches
from gr_jax.diffusion.flow_model import FlowModel
from gr_jax.diffusion.guidance import guide
from gr_jax.diffusion.noise import first_noise
from gr_jax.diffusion.ode import SAMPLERS
from gr_jax.diffusion.rectified_flow import Velocity
from gr_jax.diffusion.times import time_grid

Generate = Callable[[Any, jax.Array, jax.Array], jax.Array]
"""`(params, tokens [B, S], seeds [B]) -> pictures [B, H, W, C]`."""


@dataclasses.dataclass(frozen=True)
class GenerationConfig:
  """How pictures are sampled.

  Attributes:
    sampler: one of `ode.SAMPLERS`.
    steps: the steps from noise to a picture.
    shift: of the times, see `times`.
    guidance: the scale of classifier-free guidance; 1 = none.
  """

  sampler: str = "euler"
  steps: int = 20
  shift: float = 1.0
  guidance: float = 1.0

  def __post_init__(self):
    choose("sampler", self.sampler, SAMPLERS)


def prompted_velocity(
  model: FlowModel, params: Any, tokens: jax.Array, *, guidance: float
) -> Velocity:
  """The guided velocity of prompts `[B, S]`, which are encoded once."""

  def encode(tokens: jax.Array) -> Any:
    return model.apply(params, tokens, method="encode")

  def velocity(x: jax.Array, t: jax.Array, text: Any) -> Any:
    return model.apply(params, x, t, text, method="velocity")

  empty = jax.tree.map(lambda x: x[0], encode(jnp.zeros_like(tokens[:1])))
  return guide(velocity, encode(tokens), empty, scale=guidance)


def make_generate(model: FlowModel, config: GenerationConfig) -> Generate:
  """The compiled sampler of a model.

  A picture depends on its prompt and its seed, not on its batch: in a batch of
  one size it has the same bits in any row and beside any others. Other sizes
  are other programs, whose products may add up in another order.
  """
  times = time_grid(config.steps, shift=config.shift)
  sample = SAMPLERS[config.sampler]

  @jax.jit
  def generate(params: Any, tokens: jax.Array, seeds: jax.Array) -> jax.Array:
    velocity = prompted_velocity(
      model, params, tokens, guidance=config.guidance
    )
    return sample(velocity, first_noise(seeds, model.config.shape), times)

  return generate


def generate_all(
  generate: Generate,
  params: Any,
  tokens: np.ndarray,
  seeds: np.ndarray,
  *,
  rows: int = 64,
) -> np.ndarray:
  """Pictures `[N, H, W, C]` of `N` prompts and seeds, `rows` at a time.

  All batches have one size: what is made again later is the same.
  """
  found = [
    np.asarray(generate(params, *batch))
    for batch in padded_batches((tokens, seeds), rows)
  ]
  return np.concatenate(found)[: len(seeds)]
