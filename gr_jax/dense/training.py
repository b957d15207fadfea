"""Trains a dual encoder: many steps in one scan."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gr_jax.dense.dual_encoder import DualEncoder
from gr_jax.dense.pairs import PairBatch, PairWriter, negative_mask
from gr_jax.objectives.in_batch import in_batch_softmax
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

Progress = Callable[[int, dict[str, float]], None]
"""Called with (steps done, mean metrics of the last chunk)."""

CHUNK = 20  # Steps in one scan: their batches lie on the device together.

_ADAMW = OptimizerConfig()


@dataclasses.dataclass(frozen=True)
class DenseConfig:
  """How it is trained.

  Attributes:
    batch_size: pairs a step; all items of a batch are candidates of each.
    steps: updates.
    temperature: of the scores, which are cosines; DPR has plain products.
    seed: of parameters and batches.
    optimizer: AdamW with a warm-up and a cosine.
  """

  batch_size: int = 256
  steps: int = 1000
  temperature: float = 0.05
  seed: int = 0
  optimizer: OptimizerConfig = _ADAMW


def loss(
  model: DualEncoder,
  params: Any,
  vectors: tuple[jax.Array, jax.Array],
  batch: PairBatch,
  *,
  temperature: float,
) -> tuple[jax.Array, dict[str, jax.Array]]:
  """In-batch softmax of one batch.

  Args:
    model: the network.
    params: of it.
    vectors: of items `[N, Dv]` and of queries `[Q + 1, Dv]`, the last zeros.
    batch: pairs.
    temperature: of the scores.
  """
  items, queries = vectors
  candidates = jnp.concatenate((batch.item, batch.negatives.reshape(-1)))
  # The last row of the queries is none: -1 takes it.
  q, d = model.apply(
    params, batch.prompt, batch.words, queries[batch.query], items[candidates]
  )
  value = in_batch_softmax(
    q, d, temperature=temperature, negative_mask=negative_mask(batch)
  )
  return value, {"loss": value}


@functools.partial(
  jax.jit,
  static_argnames=("model", "optimizer", "temperature"),
  donate_argnums=(0,),
)
def _run(state, vectors, batches, *, model, optimizer, temperature):
  def step(state, batch):
    params, opt_state = state
    grads, metrics = jax.grad(
      lambda p: loss(model, p, vectors, batch, temperature=temperature),
      has_aux=True,
    )(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return (optax.apply_updates(params, updates), opt_state), metrics

  state, metrics = jax.lax.scan(step, state, batches)
  return state, jax.tree.map(jnp.mean, metrics)


def fit(
  model: DualEncoder,
  writer: PairWriter,
  item_vectors: np.ndarray,
  query_vectors: np.ndarray,
  *,
  config: DenseConfig,
  progress: Progress = lambda step, metrics: None,
) -> Any:
  """Trained parameters.

  The next chunk's batches are written while the device works on the last.

  Args:
    model: the network.
    writer: of batches.
    item_vectors: `[N, Dv]`.
    query_vectors: `[Q, Dv]`.
    config: how long and how.
    progress: told the loss of every chunk.
  """
  rng = np.random.default_rng(config.seed)
  queries = np.vstack((query_vectors, np.zeros_like(item_vectors[:1])))
  vectors = jax.device_put((item_vectors, queries.astype(np.float32)))
  optimizer = make_optimizer(config.optimizer, config.steps)
  params = initial(model, writer, item_vectors.shape[1], seed=config.seed)
  state, pending = (params, jax.jit(optimizer.init)(params)), None
  for first in range(0, config.steps, CHUNK):
    done = min(first + CHUNK, config.steps)
    drawn = [writer.draw(config.batch_size, rng) for _ in range(first, done)]
    batches = jax.tree.map(lambda *x: np.stack(x), *drawn)
    if pending is not None:
      progress(first, {k: float(v) for k, v in pending.items()})
    state, pending = _run(
      state,
      vectors,
      batches,
      model=model,
      optimizer=optimizer,
      temperature=config.temperature,
    )
  if pending is not None:
    progress(config.steps, {k: float(v) for k, v in pending.items()})
  return state[0]


def initial(
  model: DualEncoder, writer: PairWriter, width: int, *, seed: int
) -> Any:
  """Random parameters for vectors of `width`."""
  batch = writer.draw(1, np.random.default_rng(0))
  one = np.zeros((1, width), np.float32)
  made = jax.jit(model.init)(
    jax.random.key(seed), batch.prompt, batch.words, one, one
  )
  return nn.unbox(made)
