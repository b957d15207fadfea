"""SARQ: an RQ-VAE that ends the IDs of rare items early (paper, section 2.1).

    L = E[ L_recon^(k) + L_codebook^(k) + beta L_commit^(k) ],   k = k(x)
    L_recon^(k) = ||x - Dec(z + sg[z^_k - z])||^2,   z^_k = sum_{l <= k} q_l

with the depth k(x) of `adaptive_depth`, from tables that the whole data gives
at the end of every epoch (in the first epoch every item has all L codes).

The paper prints `||z - z^_k||^2` for L_recon. Alone it is smallest for an
encoder whose output is constant, so the reconstruction of the RQ-VAE that SARQ
builds on stays, and the printed term can be added (`latent_weight`) [OURS].
`tau` is given in items: `tau = tau_items / N` of all interactions, those of
that many average items; the paper's 5e-7 to 2e-6 of 5M items are 2.5 to 10
[OURS].
"""

import dataclasses
import functools

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import (
  adaptive_depth,
  quantizers,
  rq_vae,
  rq_vae_training,
)
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.training import scan_fit


@dataclasses.dataclass(frozen=True)
class SarqConfig:
  """An RQ-VAE and its budgets.

  Attributes:
    vae: sizes and training.
    tau_items: per level from the second on, the average items' interactions
      that a path must hold to go on to it; 0 never ends.
    latent_weight: The weight of `||z - sg[z^_k]||^2`, the printed L_recon.
  """

  vae: rq_vae.RqVaeConfig
  tau_items: tuple[float, ...] = (10.0, 10.0)
  latent_weight: float = 0.0

  def __post_init__(self):
    if len(self.tau_items) != len(self.vae.levels) - 1:
      raise ValueError(
        f"tau_items is {self.tau_items} for levels {self.vae.levels}; give one "
        "number for every level from the second on."
      )
    adaptive_depth.check_sizes(self.vae.levels)


@flax.struct.dataclass
class SarqState:
  """The parts that give codes to items.

  Attributes:
    params: autoencoder parameters.
    codebooks: per level `[C_l, latent]`.
    paths: tables and budgets.
  """

  params: rq_vae.Params
  codebooks: codebook_rules.Codebooks
  paths: adaptive_depth.PathBudgets


def budgets(
  config: SarqConfig, *, num_items: int, counted_share: float = 1.0
) -> jax.Array:
  """`B_l = -log(tau_items / (N s))` `[L - 1]` of a catalogue of N items.

  An item goes on while its path holds `tau_items / N` of all interactions. The
  tables give shares of the interactions that they count, which are a share `s`
  (`counted_share`, above 0) of all: `P s >= tau_items / N`.
  """
  tau = np.asarray(config.tau_items, np.float32) / num_items
  return adaptive_depth.budgets_of(tau / np.float32(counted_share))


def loss(
  params: rq_vae.Params,
  codebooks: codebook_rules.Codebooks,
  vectors: jax.Array,
  paths: adaptive_depth.PathBudgets,
  *,
  config: SarqConfig,
) -> tuple[jax.Array, tuple[rq_vae_training.Metrics, quantizers.Quantized]]:
  """`L_recon^(k) + beta L_commit^(k)` of vectors `[B, D]`."""
  vae = config.vae
  model = rq_vae.build_model(vae, features=vectors.shape[-1])
  variables = {"params": params}
  z = nn.apply(rq_vae.Autoencoder.encode, model)(variables, vectors)
  found = quantizers.residual_quantize(
    z, codebooks, assign=rq_vae_training.training_assign(vae)
  )
  depth = adaptive_depth.depths(found.codes, paths)
  kept = adaptive_depth.cut(found, depth)
  latent = quantizers.straight_through(z, kept.quantized)
  restored = nn.apply(rq_vae.Autoencoder.decode, model)(variables, latent)
  recon = jnp.sum(jnp.square(vectors - restored)) / vectors.shape[0]
  commit = quantizers.commitment_loss(kept)
  gap = z - jax.lax.stop_gradient(kept.quantized)
  latent_recon = jnp.sum(jnp.square(gap)) / vectors.shape[0]
  total = recon + vae.beta * commit + config.latent_weight * latent_recon
  metrics = {"recon": recon, "commit": commit, "depth": jnp.mean(depth)}
  return total, (metrics, kept)


def fit(
  vectors: np.ndarray | jax.Array,
  weights: np.ndarray | jax.Array,
  *,
  config: SarqConfig,
  budgets: jax.Array,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[SarqState, list[dict[str, float]]]:
  """Trains on items `[N, D]`.

  Args:
    vectors: `[N, D]`.
    weights: `[N]` interactions, of the training period only.
    config: see `SarqConfig`.
    budgets: `[L - 1]` nats; see `budgets`.
    key: The key of everything random; with infinite budgets the same draws as
      `rq_vae_training.fit`.
    progress: called once an epoch, or once a chunk of a long one.

  Raises:
    ValueError: vectors that are empty, not 2-D or not finite, or weights that
      do not fit them.
  """
  check_items(vectors, weights)
  vectors = jnp.asarray(vectors, jnp.float32)
  weights = jnp.asarray(weights, jnp.float32)
  vae = config.vae
  state, train_key = rq_vae_training.start(vectors, config=vae, key=key)

  def step(state, data, key):
    vectors, paths = data
    batch, step_key = rq_vae_training.draw_batch(
      vectors, key, size=vae.batch_size
    )
    objective = functools.partial(
      loss, vectors=batch, paths=paths, config=config
    )
    return rq_vae_training.apply_objective(
      state, objective, step_key, config=vae
    )

  paths = adaptive_depth.PathBudgets(
    adaptive_depth.open_tables(vae.levels), budgets, jnp.zeros(())
  )
  epoch = -(-len(vectors) // vae.batch_size)
  history = []
  for first in range(0, vae.steps, epoch):
    state, rows = scan_fit.fit(
      state,
      (vectors, paths),
      train_key,
      step=step,
      steps=min(epoch, vae.steps - first),
      begin=first,
      progress=progress,
      name="the tokenizer",
    )
    history += rows
    tables = _tables(
      state.params, state.codebooks, vectors, weights, config=vae
    )
    paths = dataclasses.replace(paths, tables=tables)
  return SarqState(state.params, state.codebooks, paths), history


def check_items(
  vectors: np.ndarray | jax.Array, weights: np.ndarray | jax.Array
) -> None:
  """Raises ValueError unless `[N, D]` and `[N]` fit and mean something."""
  scan_fit.check_vectors(vectors, name="vectors")
  weights = np.asarray(weights)
  if weights.shape != vectors.shape[:1] or not (weights >= 0).all():
    raise ValueError(
      f"weights must be {vectors.shape[:1]} numbers of 0 or more, one per item;"
      f" got {weights.shape}, least {weights.min(initial=0)}."
    )


@functools.partial(jax.jit, static_argnames="config")
def _tables(params, codebooks, vectors, weights, *, config):
  latents = rq_vae.latent_vectors(params, vectors, config=config)
  codes = quantizers.nearest_codes(latents, codebooks)
  return adaptive_depth.path_tables(codes, weights, sizes=config.levels)


@jax.jit
def ended_codes(
  codes: jax.Array, paths: adaptive_depth.PathBudgets
) -> jax.Array:
  """Codes `[N, L]` with -1 after k(x)."""
  return adaptive_depth.cut_codes(codes, adaptive_depth.depths(codes, paths))


def encode(
  state: SarqState, vectors: np.ndarray | jax.Array, *, config: SarqConfig
) -> np.ndarray:
  """Codes `[N, L]` int32 of vectors `[N, D]`, -1 after an early end."""
  vae = rq_vae.RqVae(config.vae, state.params, state.codebooks)
  codes = quantizers.nearest_codes(vae.latents(vectors), state.codebooks)
  return np.asarray(ended_codes(codes, state.paths))
