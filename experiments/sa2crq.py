"""SA2CRQ (JD.com): codebooks of the head, extended for the tail; IDs that end.

Its parts are values of the config: without budgets it is ACRQ, with every item
in the head SARQ (see `gr_jax/tokenizers/sa2crq.py`).
"""

import functools

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.evaluation import metrics
from gr_jax.tokenizers import sa2crq_training
from gr_jax.tokenizers.rq_vae import fit_result
from gr_jax.tokenizers.sa2crq import Sa2crq
from gr_jax.tokenizers.tokenizer import FitResult


def head_items(popularity: np.ndarray, *, share: float) -> np.ndarray:
  """Items `[N]` that hold `share` of all interactions; all items from 1 on."""
  if share >= 1:
    return np.ones(len(popularity), bool)
  return metrics.head_items(popularity, share=share)


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Codes by item vectors and how often each item was bought."""
  popularity = data.catalogue.popularity
  head_mask = head_items(popularity, share=section.head_share)
  fitted, history = sa2crq_training.fit(
    vectors.items,
    popularity,
    head_mask,
    config=Sa2crq.settings(section),
    key=jax.random.key(section.seed),
    progress=progress,
  )
  codes = fitted.encode_items(vectors.items, head_mask)
  return fit_result(fitted, fitted.vae, codes, vectors.items, history)


run = functools.partial(retrieval.run, fit_tokenizer=fit)
