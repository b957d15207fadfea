"""Residual k-means in front of the same generator."""

import functools

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.tokenizers import quantizers, rq_kmeans
from gr_jax.tokenizers.tokenizer import FitResult


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Codes of the item vectors alone."""
  del data
  found = rq_kmeans.fit(
    vectors.items,
    config=rq_kmeans.RqKMeans.settings(section),
    key=jax.random.key(section.seed),
  )
  history = [
    {"step": level, "loss": float(error)}
    for level, error in enumerate(found.errors, 1)
  ]
  for row in history:
    progress(row["step"], row)
  return FitResult(
    rq_kmeans.RqKMeans(found.codebooks),
    np.asarray(found.codes),
    latents=vectors.items,
    codebooks=found.codebooks,
    restored=np.asarray(quantizers.sum_codes(found.codes, found.codebooks)),
    history=history,
  )


run = functools.partial(retrieval.run, fit_tokenizer=fit)
