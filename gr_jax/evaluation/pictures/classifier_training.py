"""Trains a classifier of pictures on labeled ones."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax.sharding import Mesh

from gr_jax.data.batches import numbered_batches
from gr_jax.evaluation.pictures.classifier import Classifier
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state

_ADAMW = OptimizerConfig(learning_rate=2e-3, b2=0.99)
_LOOP = LoopConfig(steps=3000, checkpoint_every=1000)


@struct.dataclass
class Labeled:
  """Pictures and the answers of each head.

  Attributes:
    pictures: `[B, H, W, C]`, in about [-1, 1].
    labels: `[B, heads]` int32.
  """

  pictures: np.ndarray
  labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class ClassifierTrainingConfig:
  """Length and shape of the training.

  Attributes:
    seed: the seed of the parameters.
    optimizer: AdamW.
    loop: length and rhythm.
  """

  seed: int = 0
  optimizer: OptimizerConfig = _ADAMW
  loop: LoopConfig = _LOOP


def train(
  model: Classifier,
  make: Callable[[int], Labeled],
  *,
  config: ClassifierTrainingConfig,
  directory: pathlib.Path,
  mesh: Mesh,
) -> Any:
  """The parameters after training, which goes on where it was cut off.

  The loss is the sum over heads of the mean cross-entropy.

  Args:
    model: the classifier.
    make: the batch of a number.
    config: the training.
    directory: receives checkpoints and metrics.
    mesh: the devices that share a batch.
  """
  optimizer = make_optimizer(config.optimizer, config.loop.steps)
  pictures = make(0).pictures[:1]
  state = create_state(
    lambda key: model.init(key, pictures),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )

  def loss(params: Any, batch: Labeled, *, key: jax.Array):
    del key
    logits = cast(list[jax.Array], model.apply(params, batch.pictures))
    labels = jnp.asarray(batch.labels).T
    losses = [
      optax.softmax_cross_entropy_with_integer_labels(*head).mean()
      for head in zip(logits, labels)
    ]
    total = jnp.stack(losses).sum()
    return total, {"train/loss": total}

  return fit(
    state,
    make_step(loss, optimizer, like=state),
    iter(numbered_batches(make)),
    config=config.loop,
    directory=directory,
    mesh=mesh,
  ).params
