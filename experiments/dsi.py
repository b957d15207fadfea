"""DSI's identifiers in front of a generator; NCI's are the semantic ones.

DSI gives every document an ID of its own: a code, digits that say nothing, or
a path in a tree of clusters (`gr_jax/tokenizers/dsi_ids.py`).
"""

import pathlib
from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Fitted
from gr_jax.choices import choose
from gr_jax.tokenizers import dsi_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds


def _atomic(config: ConfigDict, vectors: np.ndarray) -> SemanticIds:
  del config
  return dsi_ids.atomic_ids(len(vectors))


def _naive(config: ConfigDict, vectors: np.ndarray) -> SemanticIds:
  rng = np.random.default_rng(config.seed)
  return dsi_ids.naive_ids(rng.permutation(len(vectors)))


def _semantic(config: ConfigDict, vectors: np.ndarray) -> SemanticIds:
  return dsi_ids.semantic_ids(
    vectors,
    branches=config.branches,
    leaf=config.leaf,
    key=jax.random.key(config.seed),
  )


IDS = {"atomic": _atomic, "naive": _naive, "semantic": _semantic}


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with identifiers of DSI."""
  settings(config.tokenizer)
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def settings(
  config: ConfigDict,
) -> Callable[[ConfigDict, np.ndarray], SemanticIds]:
  """What makes the IDs of a tokenizer section, of item vectors `[N, D]`."""
  return choose("tokenizer.ids", config.ids, IDS)


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """IDs of the item vectors alone; nothing is learned, so nothing is kept."""
  del data
  ids = settings(config)(config, vectors.items)
  progress(1, {"loss": 0.0})
  return Fitted(
    state={},
    codes=ids.codes,
    level_sizes=ids.level_sizes,
    latents=vectors.items,
    codebooks=(),
    reconstructed=vectors.items,
    history=[{"step": 1, "loss": 0.0}],
  )
