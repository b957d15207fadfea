"""SA2CRQ: head items shape the codebooks, tail items extend them.

Adaptive Semantic Quantization and Residual Knowledge Transfer (Wang et al.,
JD.com), section 2.3. Two phases:

  1. SARQ on the head items, with few codes at the first levels and more below
     (M_1 <= M_2 <= ... <= M_L); gives codebooks C^H and path tables P^H.
  2. C^H frozen, M - M_l new codes beside it at every level (ACRQ), trained on
     the tail items; their IDs end by P^H, the tables of the head.

Without budgets (`tau_items` 0) this is ACRQ; with every item in the head and
`head_levels` = the levels it is SARQ; with both it is the RQ-VAE.

Our reading, where the paper says nothing:
  * The autoencoder is frozen in phase 2: if it moved, the anchors would stand
    for other items. Phase 2 then trains codebooks on fixed latents. Left out:
    fine-tuning it.
  * Head items are coded with C^H alone, tail items with C^H and the new codes.
    So phase 2 moves no ID of the head, and items that come later are tail.
  * P^H knows no new code, so read to the letter an ID ends at its first one.
    `new_prior` gives each of them that probability instead; with 1 / M, as many
    as there are, an ID goes on after a new first code.
  * The paper's 4096 codes a level with M = [1024, 2048, 4096] are kept as
    ratios 1/4, 1/2, 1.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import (
  adaptive_depth,
  anchored_codebook,
  quantizers,
  rq_kmeans,
  rq_vae,
  sarq,
)
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.training import scan_fit


@dataclasses.dataclass(frozen=True)
class Sa2crqConfig:
  """Both phases.

  Attributes:
    adaptive: of phase 1; its levels are the sizes M with extensions, its steps
      those of phase 1.
    head_levels: M_l, codes per level in phase 1, never falling.
    tail_steps: of phase 2.
    new_prior: `P(c | ...)` of a new code, for the depth of tail items.
  """

  adaptive: sarq.SarqConfig = dataclasses.field(default_factory=sarq.SarqConfig)
  head_levels: tuple[int, ...] = (64, 128, 256)
  tail_steps: int = 1_000
  new_prior: float = 1 / 256

  def __post_init__(self):
    levels, head = self.adaptive.vae.levels, self.head_levels
    too_many = len(head) != len(levels) or any(
      h > c for h, c in zip(head, levels)
    )
    if too_many or list(head) != sorted(head):
      raise ValueError(
        f"head_levels is {head} for levels {levels}; give as many numbers, "
        "none falling and none above its level."
      )

  @property
  def head(self) -> sarq.SarqConfig:
    """Phase 1's."""
    vae = dataclasses.replace(self.adaptive.vae, levels=self.head_levels)
    return dataclasses.replace(self.adaptive, vae=vae)

  @property
  def extends(self) -> bool:
    """Whether phase 2 has anything to train."""
    return self.head_levels != self.adaptive.vae.levels


class TailState(NamedTuple):
  """What a step of phase 2 replaces: codebooks and the rule's memory."""

  codebooks: codebook_rules.Codebooks
  memory: Any


def tail_step(
  state: TailState,
  latents: jax.Array,
  paths: adaptive_depth.PathBudgets,
  key: jax.Array,
  *,
  rule: anchored_codebook.AnchoredCodebook,
  beta: float,
) -> tuple[TailState, dict[str, jax.Array]]:
  """One step of phase 2 on latents `[B, latent]`; `loss` is L_T."""
  found = quantizers.residual_quantize(latents, state.codebooks)
  depth = adaptive_depth.depths(found.codes, paths)
  kept = adaptive_depth.cut(found, depth)
  gap = jnp.sum(jnp.square(latents - kept.quantized)) / len(latents)
  codebook = anchored_codebook.codebook_loss(
    state.codebooks, kept, anchors=rule.anchors
  )
  commit = quantizers.commitment_loss(kept)
  codebooks, memory = rule.update(state.codebooks, state.memory, kept, key)
  return TailState(codebooks, memory), {
    "loss": gap + codebook + beta * commit,
    "latent_recon": gap,
    "codebook": codebook,
    "commit": commit,
    "depth": jnp.mean(depth),
  }


def fit(
  vectors: np.ndarray,
  weights: np.ndarray,
  head_mask: np.ndarray,
  *,
  config: Sa2crqConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[sarq.SarqState, list[dict[str, float]]]:
  """Trains both phases on items `[N, D]`.

  Args:
    vectors: `[N, D]`.
    weights: `[N]` interactions, of the training period only.
    head_mask: `[N]` bool; the others are the tail.
    config: see `Sa2crqConfig`.
    key: of everything random.
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
  budgets = sarq.budgets(config.adaptive, num_items=len(vectors))
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
  state = state.replace(paths=state.paths.replace(new_prior=prior))
  if not config.extends:
    return state, history
  latents = rq_vae.latent_vectors(
    state.params,
    jnp.asarray(vectors[~head_mask], jnp.float32),
    config=config.adaptive.vae,
  )
  codebooks, rows = fit_tail(
    state, latents, config=config, key=tail_key, progress=progress
  )
  return state.replace(codebooks=codebooks), history + rows


def fit_tail(
  state: sarq.SarqState,
  latents: jax.Array,
  *,
  config: Sa2crqConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[codebook_rules.Codebooks, list[dict[str, float]]]:
  """Phase 2: the head's codebooks with extensions for latents `[n, latent]`."""
  vae = config.adaptive.vae
  rows_key, book_key, train_key = jax.random.split(key, 3)
  rows = scan_fit.sample_rows(
    rows_key, num_rows=len(latents), size=vae.init_rows
  )
  codebooks = anchored_codebook.extend(
    state.codebooks,
    latents[rows],
    sizes=vae.levels,
    cluster=rq_kmeans.PlainKMeans(iterations=vae.init_iterations),
    key=book_key,
  )
  rule = anchored_codebook.AnchoredCodebook(vae.codebook, config.head_levels)

  def step(state, data, key):
    latents, paths = data
    batch, step_key = rq_vae.draw_batch(latents, key, size=vae.batch_size)
    return tail_step(state, batch, paths, step_key, rule=rule, beta=vae.beta)

  unpinned = tuple(jnp.zeros(size, bool) for size in vae.levels)
  # Copies: a step donates its state, and the anchors belong to phase 1.
  books = jax.tree.map(jnp.copy, codebooks)
  trained, history = scan_fit.fit(
    TailState(books, rule.init(books, pinned=unpinned)),
    (latents, state.paths),
    train_key,
    step=step,
    steps=config.tail_steps,
    begin=vae.steps,
    progress=progress,
  )
  return trained.codebooks, history


def anchors_of(
  codebooks: Sequence[jax.Array], *, config: Sa2crqConfig
) -> codebook_rules.Codebooks:
  """C^H, the rows that phase 1 gave."""
  sizes = config.head_levels
  return tuple(book[:size] for book, size in zip(codebooks, sizes, strict=True))


def encode(
  state: sarq.SarqState,
  vectors: np.ndarray | jax.Array,
  head_mask: np.ndarray,
  *,
  config: Sa2crqConfig,
) -> np.ndarray:
  """Codes `[N, L]` int32 of `[N, D]`, -1 after an early end.

  Args:
    state: what `fit` gave.
    vectors: `[N, D]`.
    head_mask: `[N]` bool, items coded with the anchors alone; False for items
      that came after training.
    config: see `Sa2crqConfig`.
  """
  scan_fit.check_vectors(vectors, name="vectors")
  latents = rq_vae.latent_vectors(
    state.params, jnp.asarray(vectors, jnp.float32), config=config.adaptive.vae
  )
  anchors = anchors_of(state.codebooks, config=config)
  codes = jnp.where(
    jnp.asarray(head_mask)[:, None],
    sarq.full_codes(latents, anchors),
    sarq.full_codes(latents, state.codebooks),
  )
  return np.asarray(sarq.ended_codes(codes, state.paths))
