"""TIGER's tokenizer, an RQ-VAE, in front of the same generator."""

import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Fitted
from gr_jax.nn.precision import dot_general
from gr_jax.tokenizers import rq_vae
from gr_jax.tokenizers.codebooks import GradientCodebook


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with an RQ-VAE."""
  settings(config.tokenizer)
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def settings(config: ConfigDict) -> rq_vae.RqVaeConfig:
  """The tokenizer section as the tokenizer's own config."""
  return rq_vae.RqVaeConfig(
    **config.vae,
    codebook=GradientCodebook(),
    dot_general=dot_general(config.precision),
  )


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """Codes of the item vectors alone."""
  del data
  return fit_items(
    settings(config), vectors, seed=config.seed, progress=progress
  )


def fit_items(
  config: rq_vae.RqVaeConfig, vectors: Vectors, *, seed: int, progress
) -> Fitted:
  """Codes of the item vectors by the tokenizer's own config."""
  state, history = rq_vae.fit(
    vectors.items, config=config, key=jax.random.key(seed), progress=progress
  )
  codes = rq_vae.encode(state, vectors.items, config=config)
  return fitted(state, codes, vectors, config=config, history=history)


def fitted(
  state: rq_vae.RqVaeState,
  codes: np.ndarray,
  vectors: Vectors,
  *,
  config: rq_vae.RqVaeConfig,
  history: list[dict[str, float]],
) -> Fitted:
  """What a trained autoencoder says of the items that it gave codes to."""
  latents = rq_vae.latent_vectors(state.params, vectors.items, config=config)
  restored = rq_vae.reconstruct(state, codes, config=config)
  return Fitted(
    state,
    codes,
    tuple(len(book) for book in state.codebooks),
    np.asarray(latents),
    state.codebooks,
    np.asarray(restored),
    history,
  )
