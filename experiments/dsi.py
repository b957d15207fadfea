"""DSI's identifiers in front of a generator; NCI's are the semantic ones.

DSI gives every document an ID of its own: a code, random digits, or a
path in a tree of clusters (`gr_jax/tokenizers/dsi.py`).
"""

import functools

from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.tokenizers import dsi
from gr_jax.tokenizers.tokenizer import FitResult


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """IDs of the item vectors alone; nothing is quantized."""
  del data
  config = dsi.DsiIds.settings(section)
  ids, tree = config.identify(vectors.items, config)
  history = [{"step": 1, "loss": 0.0}]
  progress(1, history[0])
  return FitResult(
    dsi.DsiIds(ids.level_sizes, tree),
    ids.codes,
    latents=vectors.items,
    codebooks=(),
    restored=vectors.items,
    history=history,
  )


run = functools.partial(retrieval.run, fit_tokenizer=fit)
