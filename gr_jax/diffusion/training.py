"""Trains a flow model and its text encoder on captioned pictures."""

import dataclasses
import pathlib
import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.sharding import Mesh

from gr_jax.data.batches import numbered_batches
from gr_jax.diffusion.flow_model import FlowModel
from gr_jax.diffusion.guidance import drop_conditions
from gr_jax.diffusion.rectified_flow import flow_losses
from gr_jax.diffusion.times import LogitNormal
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import TrainState, create_state

_TIMES = LogitNormal()
_ADAMW = OptimizerConfig(
  learning_rate=1.5e-3, weight_decay=0.01, schedule="constant", average=0.1
)
_LOOP = LoopConfig(steps=10_000, checkpoint_every=1000)


@struct.dataclass
class Captioned:
  """Pictures and what they show.

  Attributes:
    pictures: `[B, H, W, C]`, in about [-1, 1].
    tokens: `[B, S]`, 0 = padding.
  """

  pictures: np.ndarray
  tokens: np.ndarray


@dataclasses.dataclass(frozen=True)
class FlowTrainingConfig:
  """Length and shape of the training.

  A constant rate and an average of the parameters (`training.averaging`): they
  are as good as at the end of a falling rate, whenever one stops.

  Attributes:
    batch_size: pictures a step.
    drop_rate: the share of captions that are hidden, for guidance.
    times: how times are drawn.
    seed: the seed of parameters, times, noise and dropped captions.
    optimizer: AdamW.
    loop: length and rhythm.
  """

  batch_size: int = 64
  drop_rate: float = 0.1
  times: LogitNormal = _TIMES
  seed: int = 0
  optimizer: OptimizerConfig = _ADAMW
  loop: LoopConfig = _LOOP

  def __post_init__(self):
    if not 0 <= self.drop_rate < 1:
      raise ValueError(f"drop_rate ({self.drop_rate}) must be in [0, 1).")


def batch_losses(
  model: FlowModel,
  params: Any,
  batch: Captioned,
  key: jax.Array,
  *,
  times: LogitNormal,
  drop_rate: float,
) -> jax.Array:
  """Flow losses `[B]` of a batch at random times, some captions hidden."""
  of_times, of_noise, of_captions = jax.random.split(key, 3)
  pictures = jnp.asarray(batch.pictures)
  tokens = jnp.asarray(batch.tokens)
  tokens = drop_conditions(
    tokens, jnp.zeros_like(tokens[0]), of_captions, rate=drop_rate
  )
  t = times.sample(of_times, len(tokens))
  noise = jax.random.normal(of_noise, pictures.shape)

  def velocity(x: jax.Array, t: jax.Array) -> jax.Array:
    return typing.cast(jax.Array, model.apply(params, x, t, tokens))

  return flow_losses(velocity, pictures, noise, t)


def initial_state(
  model: FlowModel, tokens: int, *, config: FlowTrainingConfig, mesh: Mesh
) -> TrainState:
  """Random parameters for captions of a length, and AdamW's state."""
  optimizer = make_optimizer(config.optimizer, config.loop.steps)
  shape = model.config.shape

  def init(key: jax.Array) -> Any:
    return model.init(
      key,
      jnp.zeros((1, *shape)),
      jnp.zeros(1),
      jnp.zeros((1, tokens), jnp.int32),
    )

  return create_state(init, optimizer, jax.random.key(config.seed), mesh=mesh)


def train(
  model: FlowModel,
  make: Callable[[int], Captioned],
  *,
  config: FlowTrainingConfig,
  directory: pathlib.Path,
  mesh: Mesh,
) -> TrainState:
  """Trains from nothing or from the last checkpoint in `directory`.

  `training.averaging.used_params` of the state are the parameters to sample
  with.

  Args:
    model: the flow model.
    make: the batch of a number, of `config.batch_size` rows.
    config: the training.
    directory: receives checkpoints and metrics.
    mesh: the devices that share a batch.
  """
  state = initial_state(
    model, make(0).tokens.shape[1], config=config, mesh=mesh
  )

  def loss(params, batch, *, key):
    value = batch_losses(
      model,
      params,
      batch,
      key,
      times=config.times,
      drop_rate=config.drop_rate,
    ).mean()
    return value, {"train/loss": value}

  step = make_step(
    loss,
    make_optimizer(config.optimizer, config.loop.steps),
    like=state,
    seed=config.seed + 1,
  )
  return fit(
    state,
    step,
    iter(numbered_batches(make)),
    config=config.loop,
    directory=directory,
    mesh=mesh,
  )
