"""Residual k-means in front of the same generator."""

import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Fitted
from gr_jax.choices import choose
from gr_jax.tokenizers import quantizers, rq_kmeans

CLUSTERS = {
  "plain": rq_kmeans.PlainKMeans,
  "balanced": rq_kmeans.BalancedKMeans,
}


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with residual k-means."""
  settings(config.tokenizer)
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def settings(config: ConfigDict) -> rq_kmeans.RqKMeansConfig:
  """The tokenizer section as the tokenizer's own config."""
  cluster = choose("tokenizer.clusters", config.clusters, CLUSTERS)
  return rq_kmeans.RqKMeansConfig(
    tuple(config.levels), cluster(iterations=config.iterations)
  )


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """Codes of the item vectors alone."""
  del data
  tokenizer = settings(config)
  fitted = rq_kmeans.fit(
    vectors.items, config=tokenizer, key=jax.random.key(config.seed)
  )
  errors = [float(error) for error in fitted.errors]
  history = [{"step": l, "loss": e} for l, e in enumerate(errors, 1)]
  for row in history:
    progress(row["step"], row)
  restored = quantizers.sum_codes(fitted.codes, fitted.codebooks)
  return Fitted(
    fitted.codebooks,
    np.asarray(fitted.codes),
    tokenizer.levels,
    vectors.items,
    fitted.codebooks,
    np.asarray(restored),
    history,
  )
