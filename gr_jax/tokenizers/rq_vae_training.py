"""Training of an RQ-VAE: AdamW for the autoencoder, a rule for the codebooks.

The codebooks start from k-means of the latents of a first large batch. Other
tokenizers give their own objective to `apply_objective`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gr_jax.clustering import kmeans
from gr_jax.clustering.nearest import nearest_code
from gr_jax.parallel.constraints import split_rows
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.tokenizers import quantizers, rq_kmeans
from gr_jax.tokenizers.rq_vae import (
  Autoencoder,
  Params,
  RqVae,
  RqVaeConfig,
  build_model,
  init_params,
  latent_vectors,
)
from gr_jax.training import scan_fit

Metrics = dict[str, jax.Array]
Objective = Callable[..., tuple[jax.Array, tuple[Metrics, Any]]]


@flax.struct.dataclass
class RqVaeState:
  """Everything a training step replaces.

  Attributes:
    params: autoencoder parameters.
    codebooks: per level `[C_l, latent]`.
    optimizer: optax state of `params`.
    memory: Statistics that the codebook rule keeps.
  """

  params: Params
  codebooks: codebook_rules.Codebooks
  optimizer: optax.OptState
  memory: Any


def build_optimizer(config: RqVaeConfig) -> optax.GradientTransformation:
  """AdamW with cosine decay."""
  schedule = optax.cosine_decay_schedule(config.learning_rate, config.steps)
  return optax.adamw(schedule, weight_decay=config.weight_decay)


def training_assign(config: RqVaeConfig) -> tuple[quantizers.Assign, ...]:
  """Nearest codes, and the config's choice at the last level."""
  nearest = (nearest_code,) * (len(config.levels) - 1)
  return (*nearest, config.assign_last)


def loss(
  params: Params,
  codebooks: codebook_rules.Codebooks,
  vectors: jax.Array,
  *,
  config: RqVaeConfig,
  assign: Sequence[quantizers.Assign] | None = None,
) -> tuple[jax.Array, tuple[Metrics, quantizers.Quantized]]:
  """`L_recon + beta L_commit` of vectors `[B, D]` (TIGER eq. 1-2)."""
  assign = training_assign(config) if assign is None else assign
  model = build_model(config, features=vectors.shape[-1])
  variables = {"params": params}
  z = nn.apply(Autoencoder.encode, model)(variables, vectors)
  quantized = quantizers.residual_quantize(z, codebooks, assign=assign)
  latent = quantizers.straight_through(z, quantized.quantized)
  restored = nn.apply(Autoencoder.decode, model)(variables, latent)
  recon = jnp.sum(jnp.square(vectors - restored)) / vectors.shape[0]
  commit = quantizers.commitment_loss(quantized)
  total = recon + config.beta * commit
  return total, ({"recon": recon, "commit": commit}, quantized)


def apply_objective(
  state: RqVaeState,
  objective: Objective,
  key: jax.Array,
  *,
  config: RqVaeConfig,
) -> tuple[RqVaeState, Metrics]:
  """One step: AdamW on `objective(params, codebooks)`, then the codebooks."""
  (value, (metrics, quantized)), grads = jax.value_and_grad(
    objective, has_aux=True
  )(state.params, state.codebooks)
  updates, optimizer = build_optimizer(config).update(
    grads, state.optimizer, state.params
  )
  quantized = jax.lax.stop_gradient(quantized)
  codebooks, memory = config.codebook.update(
    state.codebooks, state.memory, quantized, key
  )
  metrics = {"loss": value, **metrics}
  for l, book in enumerate(codebooks):
    counts = quantizers.code_counts(quantized.codes[:, l], num_codes=len(book))
    metrics[f"perplexity_{l}"] = quantizers.perplexity(counts)
  return RqVaeState(
    params=optax.apply_updates(state.params, updates),
    codebooks=codebooks,
    optimizer=optimizer,
    memory=memory,
  ), metrics


def train_step(
  state: RqVaeState, batch: jax.Array, key: jax.Array, *, config: RqVaeConfig
) -> tuple[RqVaeState, Metrics]:
  """One step on vectors `[B, D]`; jit it with the state donated."""
  objective = functools.partial(loss, vectors=batch, config=config)
  return apply_objective(state, objective, key, config=config)


def init_state(
  params: Params,
  codebooks: codebook_rules.Codebooks,
  *,
  config: RqVaeConfig,
  pinned: tuple[jax.Array, ...] | None = None,
) -> RqVaeState:
  """State at step 0; `pinned` marks codebook rows that never restart."""
  if pinned is None:
    pinned = tuple(jnp.zeros(book.shape[0], bool) for book in codebooks)
  return RqVaeState(
    params=params,
    codebooks=codebooks,
    optimizer=build_optimizer(config).init(params),
    memory=config.codebook.init(codebooks, pinned=pinned),
  )


def init_codebooks(
  latents: jax.Array,
  *,
  levels: tuple[int, ...],
  config: RqVaeConfig,
  key: jax.Array,
) -> codebook_rules.Codebooks:
  """Residual k-means of latents `[B, latent]` with `levels` codes."""
  cluster = functools.partial(kmeans.fit, iterations=config.init_iterations)
  options = rq_kmeans.RqKMeansConfig(levels, cluster)
  return rq_kmeans.fit(latents, config=options, key=key).codebooks


def start(
  vectors: jax.Array,
  *,
  config: RqVaeConfig,
  key: jax.Array,
  make_codebooks: Callable[..., codebook_rules.Codebooks] | None = None,
  pinned: tuple[jax.Array, ...] | None = None,
) -> tuple[RqVaeState, jax.Array]:
  """Random parameters, codebooks of a first large batch; the training key.

  Args:
    vectors: `[N, D]`.
    config: Sizes and training.
    key: The key of everything random.
    make_codebooks: (latents, their rows among the vectors, key) -> codebooks;
      residual k-means by default.
    pinned: Per level, the codebook rows that never restart.
  """
  init_key, rows_key, book_key, train_key = jax.random.split(key, 4)
  model = build_model(config, features=vectors.shape[1])
  params = init_params(model, init_key)
  rows = scan_fit.sample_rows(
    rows_key, num_rows=vectors.shape[0], size=config.init_rows
  )
  latents = latent_vectors(params, vectors[rows], config=config)
  if make_codebooks is None:
    codebooks = init_codebooks(
      latents, levels=config.levels, config=config, key=book_key
    )
  else:
    codebooks = make_codebooks(latents, rows, book_key)
  return init_state(params, codebooks, config=config, pinned=pinned), train_key


def draw_batch(
  vectors: jax.Array, key: jax.Array, *, size: int
) -> tuple[jax.Array, jax.Array]:
  """`size` rows drawn with replacement, and a key for what else is random.

  The devices of a mesh share them.
  """
  rows_key, step_key = jax.random.split(key)
  rows = jax.random.randint(rows_key, (size,), 0, vectors.shape[0])
  return split_rows(vectors[rows]), step_key


def fit(
  vectors: np.ndarray | jax.Array,
  *,
  config: RqVaeConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[RqVae, list[dict[str, float]]]:
  """Trains on `[N, D]`; returns the tokenizer and a metrics row per chunk.

  Raises:
    ValueError: vectors that are empty, not 2-D or not finite.
  """
  scan_fit.check_vectors(vectors, name="vectors")
  vectors = jnp.asarray(vectors, jnp.float32)
  state, train_key = start(vectors, config=config, key=key)

  def step(state, vectors, key):
    batch, step_key = draw_batch(vectors, key, size=config.batch_size)
    return train_step(state, batch, step_key, config=config)

  state, history = scan_fit.fit(
    state,
    vectors,
    train_key,
    step=step,
    steps=config.steps,
    progress=progress,
    name="the tokenizer",
  )
  return RqVae(config, state.params, state.codebooks), history
