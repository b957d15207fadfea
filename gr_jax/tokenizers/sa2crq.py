"""SA2CRQ: head items shape the codebooks, tail items extend them.

Adaptive Semantic Quantization and Residual Knowledge Transfer (Wang et al.,
JD.com), section 2.3. Two phases:

  1. SARQ on the head items, with few codes at the first levels and more below
     (M_1 <= M_2 <= ... <= M_L); gives codebooks C^H and path tables P^H.
  2. C^H frozen, M - M_l new codes beside it at every level (ACRQ), trained on
     the tail items; their IDs end by P^H, the tables of the head.

`tau_items` is measured in all interactions, head and tail: an ID goes on while
head items on its path hold those of `tau_items` average items of the catalogue.

Without budgets (`tau_items` 0) this is ACRQ; with every item in the head and
`head_levels` = the levels it is SARQ; with both it is the RQ-VAE.

[OURS], where the paper gives nothing:
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
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import (
  adaptive_depth,
  quantizers,
  rq_vae,
  sarq,
  tokenizer,
)
from gr_jax.tokenizers import codebooks as codebook_rules


@dataclasses.dataclass(frozen=True)
class Sa2crqConfig:
  """The sizes and steps of both phases.

  Attributes:
    adaptive: The SARQ of phase 1; its levels are the sizes M with extensions,
      its steps those of phase 1.
    head_levels: M_l, codes per level in phase 1, never falling.
    tail_steps: Number of steps of phase 2.
    new_prior: `P(c | ...)` of a new code, for the depth of tail items.
  """

  adaptive: sarq.SarqConfig
  head_levels: tuple[int, ...] = (64, 128, 256)
  tail_steps: int = 1_000
  new_prior: float = 1 / 256

  def __post_init__(self):
    levels, head = self.levels, self.head_levels
    too_many = len(head) != len(levels) or any(
      h > c for h, c in zip(head, levels)
    )
    if too_many or list(head) != sorted(head):
      raise ValueError(
        f"head_levels is {head} for levels {levels}; give as many numbers, "
        "none falling and none above its level."
      )

  @property
  def levels(self) -> tuple[int, ...]:
    """Codes per level, extensions included."""
    return self.adaptive.vae.levels

  @property
  def head(self) -> sarq.SarqConfig:
    """The SARQ of phase 1 with the sizes of the head."""
    vae = dataclasses.replace(self.adaptive.vae, levels=self.head_levels)
    return dataclasses.replace(self.adaptive, vae=vae)

  @property
  def extends(self) -> bool:
    """True where phase 2 has new codes to train."""
    return self.head_levels != self.levels


def anchors_of(
  codebooks: Sequence[jax.Array], *, config: Sa2crqConfig
) -> codebook_rules.Codebooks:
  """The codebooks C^H of phase 1."""
  sizes = config.head_levels
  return tuple(book[:size] for book, size in zip(codebooks, sizes, strict=True))


@dataclasses.dataclass(frozen=True, eq=False)
class Sa2crq:
  """A fitted SA2CRQ; see `Tokenizer`.

  Attributes:
    config: The sizes and steps of both phases.
    state: Autoencoder, codebooks with extensions, and path tables of the head.
  """

  config: Sa2crqConfig
  state: sarq.SarqState

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return tuple(len(book) for book in self.state.codebooks)

  @property
  def vae(self) -> rq_vae.RqVae:
    """The autoencoder with the codebooks of both phases."""
    config = self.config.adaptive.vae
    return rq_vae.RqVae(config, self.state.params, self.state.codebooks)

  def encode(
    self, vectors: np.ndarray | jax.Array, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """Codes `[n, L]` of tail items: nobody has bought a new item yet."""
    del categories
    return sarq.encode(self.state, vectors, config=self.config.adaptive)

  def encode_items(
    self, vectors: np.ndarray | jax.Array, head_mask: np.ndarray
  ) -> np.ndarray:
    """Codes `[N, L]` of the catalogue, -1 after an early end.

    Args:
      vectors: `[N, D]`.
      head_mask: `[N]` bool, the items that are coded with the anchors alone.
    """
    latents, state = self.vae.latents(vectors), self.state
    anchors = anchors_of(state.codebooks, config=self.config)
    codes = jnp.where(
      jnp.asarray(head_mask)[:, None],
      quantizers.nearest_codes(latents, anchors),
      quantizers.nearest_codes(latents, state.codebooks),
    )
    return np.asarray(sarq.ended_codes(codes, state.paths))

  def save(self, directory: pathlib.Path) -> None:
    tokenizer.save_arrays(directory, self.state)

  @classmethod
  def load(
    cls, directory: pathlib.Path, section: Mapping[str, Any]
  ) -> "Sa2crq":
    stored = tokenizer.load_arrays(directory)
    paths = adaptive_depth.PathBudgets(**stored.pop("paths"))
    return cls(cls.settings(section), sarq.SarqState(**stored, paths=paths))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> Sa2crqConfig:
    steps = section["vae"]["steps"] - section["tail_steps"]
    if steps <= 0:
      raise ValueError(
        f"tokenizer.tail_steps is {section['tail_steps']} of vae.steps "
        f"{section['vae']['steps']}; leave some for the head."
      )
    codebook = codebook_rules.GradientCodebook()
    vae = rq_vae.vae_config(section, codebook=codebook, steps=steps)
    return Sa2crqConfig(
      adaptive=sarq.SarqConfig(
        vae, tuple(section["tau_items"]), section["latent_weight"]
      ),
      head_levels=tuple(section["head_levels"]),
      tail_steps=section["tail_steps"],
      new_prior=section["new_prior"],
    )
