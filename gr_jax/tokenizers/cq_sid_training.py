"""Training of CQ-SID: an RQ-VAE that also sees categories and clicks.

L_NCE takes `pairs` clicks a step through the same encoder, beside the batch of
items that L_recon and L_commit see. The paper's batch of 128 serves both;
apart, reconstruction can use a large batch and every item, also those without
clicks [OURS]. Pairs that repeat an item or a query are no negatives.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from gr_jax.objectives import contrastive
from gr_jax.tokenizers import clicks as click_data
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.tokenizers import quantizers, rq_vae, rq_vae_training
from gr_jax.tokenizers.cq_sid import CqSid, CqSidConfig, known_or_nearest
from gr_jax.training import scan_fit


def level_sizes(config: CqSidConfig, *, num_categories: int) -> tuple[int, ...]:
  """`(categories, C_2, C_3)`; the config's own C_1 without categories."""
  first, *rest = config.levels
  return (num_categories or first, *rest)


def contrast(
  params: rq_vae.Params, batch: click_data.Batch, *, config: CqSidConfig
) -> jax.Array:
  """L_NCE of the batch's pairs; 0 when there are none."""
  size = batch.pair_vectors.shape[0]
  if size == 0:
    return jnp.zeros(())
  both = jnp.concatenate([batch.pair_vectors, batch.query_vectors])
  model = rq_vae.build_model(config.vae, features=both.shape[-1])
  encode = nn.apply(rq_vae.Autoencoder.encode, model)
  latents = encode({"params": params}, both)
  return contrastive.info_nce(
    latents[:size],
    latents[size:],
    temperature=config.temperature,
    negative_mask=batch.negative_mask,
  )


def loss(
  params: rq_vae.Params,
  codebooks: codebook_rules.Codebooks,
  batch: click_data.Batch,
  *,
  config: CqSidConfig,
) -> tuple[jax.Array, tuple[rq_vae_training.Metrics, quantizers.Quantized]]:
  """`L_recon + beta L_commit + gamma L_NCE`; level 1 is the category."""
  known = known_or_nearest(batch.categories)
  base, (metrics, quantized) = rq_vae_training.loss(
    params,
    codebooks,
    batch.vectors,
    config=config.vae,
    assign=(known, *rq_vae_training.training_assign(config.vae)[1:]),
  )
  nce = contrast(params, batch, config=config)
  return base + config.gamma * nce, ({**metrics, "nce": nce}, quantized)


def fit(
  clicks: click_data.Clicks,
  *,
  num_categories: int,
  config: CqSidConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[CqSid, list[dict[str, float]]]:
  """Trains on items and training clicks.

  Args:
    clicks: Arrays of the host; there may be no queries and no pairs.
    num_categories: codes of level 1; 0 takes `config.vae.levels[0]`.
    config: see `CqSidConfig`.
    key: The key of everything random.
    progress: called once a chunk of steps.

  Returns:
    The tokenizer and one metrics row per chunk.

  Raises:
    ValueError: rows out of range, or vectors that are not finite.
  """
  clicks = click_data.Clicks(
    jnp.asarray(clicks.vectors, jnp.float32),
    jnp.asarray(clicks.categories, jnp.int32),
    jnp.asarray(clicks.queries, jnp.float32),
    jnp.asarray(clicks.pairs, jnp.int32),
  )
  click_data.check_clicks(clicks, num_categories=num_categories)
  init_key, train_key = jax.random.split(key)
  state = init_state(
    clicks, num_categories=num_categories, config=config, key=init_key
  )

  def step(state, clicks, key):
    batch_key, step_key = jax.random.split(key)
    batch = click_data.draw_batch(
      clicks, batch_key, items=config.vae.batch_size, pairs=config.pairs
    )
    objective = functools.partial(loss, batch=batch, config=config)
    return rq_vae_training.apply_objective(
      state, objective, step_key, config=config.vae
    )

  state, history = scan_fit.fit(
    state,
    clicks,
    train_key,
    step=step,
    steps=config.vae.steps,
    progress=progress,
    name="the tokenizer",
  )
  vae = rq_vae.RqVae(config.vae, state.params, state.codebooks)
  return CqSid(vae), history


def category_means(
  latents: jax.Array, categories: jax.Array, rows: jax.Array
) -> jax.Array:
  """Mean latent of each category `[C, D]`.

  Args:
    latents: `[B, D]`.
    categories: `[B]` int32, -1 unknown.
    rows: `[C, D]`, kept for the categories that do not occur.
  """
  known = jnp.where(categories >= 0, categories, len(rows))
  count = quantizers.code_counts(categories, num_codes=len(rows))
  total = jnp.zeros_like(rows).at[known].add(latents, mode="drop")
  mean = total / jnp.maximum(count, 1.0)[:, None]
  return jnp.where((count > 0)[:, None], mean, rows)


def occurring(categories: jax.Array, *, num_categories: int) -> jax.Array:
  """`[C]` bool: categories that occur among `[N]` (-1 unknown)."""
  return quantizers.code_counts(categories, num_codes=num_categories) > 0


def init_codebooks(
  latents: jax.Array,
  categories: jax.Array,
  *,
  sizes: tuple[int, ...],
  config: CqSidConfig,
  key: jax.Array,
) -> codebook_rules.Codebooks:
  """Category means (k-means without any) and residual k-means below."""
  if not bool(jnp.any(categories >= 0)):
    return rq_vae_training.init_codebooks(
      latents, levels=sizes, config=config.vae, key=key
    )
  rows_key, rest_key = jax.random.split(key)
  rows = jax.random.randint(rows_key, sizes[:1], 0, len(latents))
  first = category_means(latents, categories, latents[rows])
  codes = known_or_nearest(categories)(latents, first)
  rest = rq_vae_training.init_codebooks(
    latents - first[codes], levels=sizes[1:], config=config.vae, key=rest_key
  )
  return (first, *rest)


def init_state(
  clicks: click_data.Clicks,
  *,
  num_categories: int,
  config: CqSidConfig,
  key: jax.Array,
) -> rq_vae_training.RqVaeState:
  """Parameters, category means and k-means codebooks of a first large batch."""
  sizes = level_sizes(config, num_categories=num_categories)
  pinned = [jnp.zeros(size, bool) for size in sizes]
  pinned[0] = occurring(clicks.categories, num_categories=sizes[0])

  def make_codebooks(latents, rows, key):
    categories = clicks.categories[rows]
    return init_codebooks(
      latents, categories, sizes=sizes, config=config, key=key
    )

  state, _ = rq_vae_training.start(
    clicks.vectors,
    config=config.vae,
    key=key,
    make_codebooks=make_codebooks,
    pinned=tuple(pinned),
  )
  return state
