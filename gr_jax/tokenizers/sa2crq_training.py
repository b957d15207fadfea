"""Training of SA2CRQ: SARQ on the head, then new codes for the tail.

The path tables count the interactions of the head alone, `P = w(path) / W_H`
with `W_H = s W` of all `W`. A path ends where it holds fewer than those of
`tau_items` average items:

    w(path) < tau_items W / N   iff   P < tau_items / (N s)
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import kmeans
from gr_jax.tokenizers import (
  adaptive_depth,
  anchored_codebook,
  quantizers,
  rq_vae,
  rq_vae_training,
  sarq,
)
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.tokenizers.sa2crq import Sa2crq, Sa2crqConfig
from gr_jax.training import scan_fit


def fit(
  vectors: np.ndarray,
  weights: np.ndarray,
  head_mask: np.ndarray,
  *,
  config: Sa2crqConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[Sa2crq, list[dict[str, float]]]:
  """Trains both phases on items `[N, D]`.

  Args:
    vectors: `[N, D]`.
    weights: `[N]` interactions, of the training period only.
    head_mask: `[N]` bool; the others are the tail.
    config: see `Sa2crqConfig`.
    key: The key of everything random.
    progress: called with the steps of both phases counted together.

  Raises:
    ValueError: arrays that do not fit, or too few items for the codes.
  """
  sarq.check_items(vectors, weights)
  num_head = int(np.sum(head_mask))
  if num_head < max(config.head_levels):
    raise ValueError(
      f"{num_head} head items cannot start {max(config.head_levels)} codes; "
      "take smaller head_levels or a larger head_share."
    )
  budgets = sarq.budgets(
    config.adaptive,
    num_items=len(vectors),
    counted_share=head_interactions(weights, head_mask),
  )
  key, tail_key = jax.random.split(key)
  state, history = sarq.fit(
    vectors[head_mask],
    weights[head_mask],
    config=config.head,
    budgets=budgets,
    key=key,
    progress=progress,
  )
  prior = jnp.asarray(config.new_prior, jnp.float32)
  paths = dataclasses.replace(state.paths, new_prior=prior)
  state = dataclasses.replace(state, paths=paths)
  if not config.extends:
    return Sa2crq(config, state), history
  latents = rq_vae.latent_vectors(
    state.params,
    jnp.asarray(vectors[~head_mask], jnp.float32),
    config=config.adaptive.vae,
  )
  codebooks, rows = fit_tail(
    state, latents, config=config, key=tail_key, progress=progress
  )
  state = dataclasses.replace(state, codebooks=codebooks)
  return Sa2crq(config, state), history + rows


def head_interactions(weights: np.ndarray, head_mask: np.ndarray) -> float:
  """`s = W_H / W`, the head's share of all interactions.

  1 where the head has none: its tables are then 0 everywhere.
  """
  weights = np.asarray(weights, np.float64)
  head = weights[head_mask].sum()
  return float(head / weights.sum()) if head else 1.0


def fit_tail(
  state: sarq.SarqState,
  latents: jax.Array,
  *,
  config: Sa2crqConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[codebook_rules.Codebooks, list[dict[str, float]]]:
  """Phase 2: the head's codebooks with extensions for latents `[n, latent]`.

  The `loss` in the history is L_T.
  """
  vae = config.adaptive.vae
  rows_key, book_key, train_key = jax.random.split(key, 3)
  rows = scan_fit.sample_rows(
    rows_key, num_rows=len(latents), size=vae.init_rows
  )
  codebooks = anchored_codebook.extend(
    state.codebooks,
    latents[rows],
    sizes=vae.levels,
    cluster=functools.partial(kmeans.fit, iterations=vae.init_iterations),
    key=book_key,
  )
  rule = anchored_codebook.AnchoredCodebook(vae.codebook, config.head_levels)

  def step(state, data, key):
    latents, paths = data
    batch, step_key = rq_vae_training.draw_batch(
      latents, key, size=vae.batch_size
    )
    codebooks, memory = state
    found = quantizers.residual_quantize(batch, codebooks)
    depth = adaptive_depth.depths(found.codes, paths)
    kept = adaptive_depth.cut(found, depth)
    gap = jnp.sum(jnp.square(batch - kept.quantized)) / len(batch)
    codebook = anchored_codebook.codebook_loss(
      codebooks, kept, anchors=rule.anchors
    )
    commit = quantizers.commitment_loss(kept)
    return rule.update(codebooks, memory, kept, step_key), {
      "loss": gap + codebook + vae.beta * commit,
      "latent_recon": gap,
      "codebook": codebook,
      "commit": commit,
      "depth": jnp.mean(depth),
    }

  unpinned = tuple(jnp.zeros(size, bool) for size in vae.levels)
  # Copies: a step donates its state, and the anchors belong to phase 1.
  books = jax.tree.map(jnp.copy, codebooks)
  (trained, _), history = scan_fit.fit(
    (books, rule.init(books, pinned=unpinned)),
    (latents, state.paths),
    train_key,
    step=step,
    steps=config.tail_steps,
    begin=vae.steps,
    progress=progress,
    name="the tokenizer",
  )
  return trained, history
