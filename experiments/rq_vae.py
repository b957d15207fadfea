"""TIGER's tokenizer, an RQ-VAE, in front of the same generator."""

import functools

import jax
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.tokenizers import rq_vae, rq_vae_training
from gr_jax.tokenizers.tokenizer import FitResult


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Codes of the item vectors alone."""
  del data
  config = rq_vae.RqVae.settings(section)
  return fit_items(config, vectors, seed=section.seed, progress=progress)


def fit_items(
  config: rq_vae.RqVaeConfig, vectors: Vectors, *, seed: int, progress
) -> FitResult:
  """Codes of the item vectors by the tokenizer's own config."""
  fitted, history = rq_vae_training.fit(
    vectors.items, config=config, key=jax.random.key(seed), progress=progress
  )
  codes = fitted.encode(vectors.items)
  return rq_vae.fit_result(fitted, fitted, codes, vectors.items, history)


run = functools.partial(retrieval.run, fit_tokenizer=fit)
