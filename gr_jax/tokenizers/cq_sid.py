"""CQ-SID: categories and queries shape the IDs (Tmall, arXiv 2605.14434).

An RQ-VAE with three changes:

    k_1 = the item's category where it is known, else the nearest row of the
          category codebook;  k_2, k_3 as before
    L = L_recon + beta L_commit + gamma L_NCE(items, queries)
    codebooks by running means with restart (a category's row never restarts)

Trained in `cq_sid_training.py`.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering.nearest import nearest_code
from gr_jax.tokenizers import quantizers, tokenizer
from gr_jax.tokenizers.codebooks import EmaCodebook
from gr_jax.tokenizers.rq_vae import (
  RqVae,
  RqVaeConfig,
  latent_vectors,
  vae_config,
)
from gr_jax.training import scan_fit


@dataclasses.dataclass(frozen=True)
class CqSidConfig:
  """The paper's weights by default; its levels are (2048, 1024, 1024).

  Attributes:
    vae: Sizes, training and codebook rule. `levels[0]` is replaced by the
      number of categories where there are any.
    gamma: Weight of L_NCE; 0 switches the queries off.
    temperature: The temperature tau of L_NCE.
    pairs: Number of clicks drawn per step, `b`.
  """

  vae: RqVaeConfig
  gamma: float = 0.001
  temperature: float = 0.1
  pairs: int = 128

  @property
  def levels(self) -> tuple[int, ...]:
    """Codes per level without categories."""
    return self.vae.levels


def category_column(categories: np.ndarray, depth: int) -> np.ndarray:
  """Categories `[N]` at a depth of columns `[N, K]`, at most their last one.

  Depth 0, or no columns: all unknown.
  """
  depth = min(depth, categories.shape[1])
  if not depth:
    return np.full(len(categories), -1, np.int32)
  return categories[:, depth - 1]


def known_or_nearest(categories: jax.Array) -> quantizers.Assign:
  """Chooses the category `[B]` where it is known (>= 0), else the nearest."""

  def assign(residuals, codebook):
    nearest = nearest_code(residuals, codebook)
    return jnp.where(categories >= 0, categories, nearest)

  return assign


@functools.partial(jax.jit, static_argnames="config")
def _codes(params, codebooks, vectors, categories, *, config: RqVaeConfig):
  latents = latent_vectors(params, vectors, config=config)
  nearest = (nearest_code,) * (len(codebooks) - 1)
  assign = (known_or_nearest(categories), *nearest)
  return quantizers.residual_quantize(latents, codebooks, assign=assign).codes


@dataclasses.dataclass(frozen=True, eq=False)
class CqSid:
  """A fitted CQ-SID; see `Tokenizer`.

  Attributes:
    vae: The autoencoder and its codebooks, the categories' one first.
  """

  vae: RqVae

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return self.vae.level_sizes

  def encode(
    self, vectors: np.ndarray, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """Codes `[n, L]`: the category where known, nearest rows elsewhere.

    Raises:
      ValueError: A category that the codebook has no row for.
    """
    scan_fit.check_vectors(vectors, name="vectors")
    if categories is None:
      categories = np.full(len(vectors), -1)
    size = self.level_sizes[0]
    if np.max(categories, initial=-1) >= size:
      raise ValueError(
        f"category {np.max(categories)} has no code among {size}; give new "
        "categories as -1 or fit anew."
      )
    codes = _codes(
      self.vae.params,
      self.vae.codebooks,
      jnp.asarray(vectors, jnp.float32),
      jnp.asarray(categories, jnp.int32),
      config=self.vae.config,
    )
    return np.asarray(codes)

  def save(self, directory: pathlib.Path) -> None:
    self.vae.save(directory)

  @classmethod
  def load(cls, directory: pathlib.Path, section: Mapping[str, Any]) -> "CqSid":
    vae = cls.settings(section).vae
    return cls(RqVae(vae, **tokenizer.load_arrays(directory)))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> CqSidConfig:
    if len(section["vae"]["levels"]) < 2:
      raise ValueError(
        f"tokenizer.vae.levels is {tuple(section['vae']['levels'])}; CQ-SID "
        "needs one level for the category and at least one below."
      )
    codebook = EmaCodebook(**section["ema"])
    vae = vae_config(section, codebook=codebook)
    return CqSidConfig(vae=vae, **section["contrast"])
