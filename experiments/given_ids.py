"""Semantic IDs of another project in front of a generator."""

import pathlib

from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.tokenizers.given_ids import GivenIds
from gr_jax.tokenizers.id_table import load_id_table
from gr_jax.tokenizers.tokenizer import FitResult


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Takes the IDs as they are in the table."""
  path = pathlib.Path(GivenIds.settings(section).path)
  codes, level_sizes = load_id_table(path, data.catalogue.item_ids)
  history = [{"step": 1, "loss": 0.0}]
  progress(1, history[0])
  return FitResult(
    GivenIds(level_sizes),
    codes,
    latents=vectors.items,
    codebooks=(),
    restored=None,
    history=history,
  )


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs the recipe; the table is looked for before anything is computed.

  Raises:
    ValueError, FileNotFoundError: no table is named, or it is not there.
  """
  path = config.tokenizer.path
  if not path:
    raise ValueError(
      "tokenizer.path is empty; name the table of item ids and codes: "
      "--config.tokenizer.path=FILE (.json, .csv, .parquet)."
    )
  if not pathlib.Path(path).is_file():
    raise FileNotFoundError(f"tokenizer.path is {path}, which is no file.")
  return retrieval.run(config, workdir, fit_tokenizer=fit)
