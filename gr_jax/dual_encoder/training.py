"""Trains a dual encoder on pairs that the host writes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gr_jax.dual_encoder.network import DualEncoder
from gr_jax.dual_encoder.pairs import PairBatch, PairWriter, negative_mask
from gr_jax.objectives.contrastive import in_batch_softmax
from gr_jax.parallel.constraints import split_rows
from gr_jax.training import scan_fit
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

CHUNK = 20  # Steps in one scan: their batches lie on the device together.

_ADAMW = OptimizerConfig()


@dataclasses.dataclass(frozen=True)
class DenseConfig:
  """Length and sizes of the training.

  Attributes:
    batch_size: pairs a step; all items of a batch are candidates of each.
    steps: the number of updates.
    temperature: the divisor of the scores, which are cosines; DPR has plain
      products.
    seed: the seed of parameters and batches.
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
  """In-batch softmax of one batch; the scores are divided by `temperature`.

  `vectors` are those of items `[N, Dv]` and of queries `[Q + 1, Dv]`, of which
  the last is zeros.
  """
  items, queries = vectors
  candidates = jnp.concatenate((batch.item, batch.negatives.reshape(-1)))
  # The last row of the queries is none: -1 takes it.
  encoded: Any = model.apply(
    params, batch.prompt, batch.words, queries[batch.query], items[candidates]
  )
  q, d = encoded
  value = in_batch_softmax(
    q, d, temperature=temperature, negative_mask=negative_mask(batch)
  )
  return value, {"loss": value}


def fit(
  model: DualEncoder,
  writer: PairWriter,
  item_vectors: np.ndarray,
  query_vectors: np.ndarray,
  *,
  config: DenseConfig,
  progress: scan_fit.Progress | None = None,
) -> Any:
  """Trained parameters, of item vectors `[N, Dv]` and query vectors `[Q, Dv]`.

  Inside `jax.set_mesh` the devices share the pairs of a batch, and those along
  model the rows of the tokens' table. `progress` gets the loss of every chunk.
  """
  queries = np.vstack((query_vectors, np.zeros_like(item_vectors[:1])))
  vectors = jax.device_put((item_vectors, queries.astype(np.float32)))
  optimizer = make_optimizer(config.optimizer, config.steps)
  params, opt_state = scan_fit.initial_state(
    _initializer(model, writer, item_vectors.shape[1]),
    optimizer,
    jax.random.key(config.seed),
  )

  def step(state, vectors, batch):
    params, opt_state = state["params"], state["optimizer"]
    batch = split_rows(batch)
    grads, metrics = jax.grad(
      lambda p: loss(model, p, vectors, batch, temperature=config.temperature),
      has_aux=True,
    )(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    return {"params": params, "optimizer": opt_state}, metrics

  rng = np.random.default_rng(config.seed)
  state, _ = scan_fit.fit_batches(
    {"params": params, "optimizer": opt_state},
    vectors,
    (writer.draw(config.batch_size, rng) for _ in range(config.steps)),
    step=step,
    steps=config.steps,
    chunk=CHUNK,
    progress=progress,
    name="the dual encoder",
  )
  return state["params"]


def initial(
  model: DualEncoder, writer: PairWriter, width: int, *, seed: int
) -> Any:
  """Random parameters for vectors of `width` dimensions."""
  init = _initializer(model, writer, width)
  return nn.unbox(jax.jit(init)(jax.random.key(seed)))


def _initializer(
  model: DualEncoder, writer: PairWriter, width: int
) -> Callable[[jax.Array], Any]:
  batch = writer.draw(1, np.random.default_rng(0))
  one = np.zeros((1, width), np.float32)
  return lambda key: model.init(key, batch.prompt, batch.words, one, one)
