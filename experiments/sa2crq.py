"""SA2CRQ (JD.com): codebooks of the head, extended for the tail; IDs that end.

Its parts are values of the config: without budgets it is ACRQ, with every item
in the head SARQ (see `gr_jax/tokenizers/sa2crq.py`).
"""

import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Fitted
from experiments.rq_vae import fitted
from gr_jax.evaluation import metrics
from gr_jax.nn.precision import dot_general
from gr_jax.tokenizers import rq_vae, sa2crq, sarq
from gr_jax.tokenizers.codebooks import GradientCodebook


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with SA2CRQ's tokenizer."""
  settings(config.tokenizer)
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def settings(config: ConfigDict) -> sa2crq.Sa2crqConfig:
  """The tokenizer section as the tokenizer's own config.

  Raises:
    ValueError: sizes that do not fit, or an unknown precision.
  """
  steps = config.vae.steps - config.tail_steps
  if steps <= 0:
    raise ValueError(
      f"tokenizer.tail_steps is {config.tail_steps} of vae.steps "
      f"{config.vae.steps}; leave some for the head."
    )
  vae = rq_vae.RqVaeConfig(
    **config.vae.to_dict() | {"steps": steps},
    codebook=GradientCodebook(),
    dot_general=dot_general(config.precision),
  )
  return sa2crq.Sa2crqConfig(
    adaptive=sarq.SarqConfig(
      vae, tuple(config.tau_items), config.latent_weight
    ),
    head_levels=tuple(config.head_levels),
    tail_steps=config.tail_steps,
    new_prior=config.new_prior,
  )


def head_items(popularity: np.ndarray, *, share: float) -> np.ndarray:
  """`[N]` bool: who holds `share` of all interactions; all items from 1 on."""
  if share >= 1:
    return np.ones(len(popularity), bool)
  return metrics.head_items(popularity, share=share)


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """Codes by item vectors and how often each item was bought."""
  tokenizer = settings(config)
  popularity = data.catalogue.popularity
  head_mask = head_items(popularity, share=config.head_share)
  state, history = sa2crq.fit(
    vectors.items,
    popularity,
    head_mask,
    config=tokenizer,
    key=jax.random.key(config.seed),
    progress=progress,
  )
  codes = sa2crq.encode(state, vectors.items, head_mask, config=tokenizer)
  return fitted(
    state, codes, vectors, config=tokenizer.adaptive.vae, history=history
  )
