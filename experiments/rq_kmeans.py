"""Residual k-means in front of the same generator."""

import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments import retrieval
from experiments.stages.embed import Vectors
from experiments.stages.prepare import Data
from experiments.stages.tokenize import Fitted
from gr_jax.tokenizers import quantizers, rq_kmeans

CLUSTERS = {
  "plain": rq_kmeans.PlainKMeans,
  "balanced": rq_kmeans.BalancedKMeans,
}


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with residual k-means."""
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """Codes of the item vectors alone."""
  del data
  if config.clusters not in CLUSTERS:
    raise ValueError(
      f"tokenizer.clusters is {config.clusters!r}; use one of "
      f"{', '.join(CLUSTERS)}."
    )
  cluster = CLUSTERS[config.clusters](iterations=config.iterations)
  levels = tuple(config.levels)
  fitted = rq_kmeans.fit(
    vectors.items,
    config=rq_kmeans.RqKMeansConfig(levels, cluster),
    key=jax.random.key(config.seed),
  )
  errors = [float(error) for error in fitted.errors]
  history = [{"step": l, "loss": e} for l, e in enumerate(errors, 1)]
  for row in history:
    progress(row["step"], row)
  restored = quantizers.sum_codes(fitted.codes, fitted.codebooks)
  return Fitted(
    fitted.codebooks,
    np.asarray(fitted.codes),
    levels,
    np.asarray(restored),
    history,
  )
