"""A run on the small shop as training leaves it, of any network and tokenizer.

Every stage is saved by the function that saves it in a run. Only the steps of
training are replaced: noise on the initial parameters compiles nothing.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from unittest import mock

import numpy as np
from ml_collections import ConfigDict

from experiments import dsi
from experiments.pipeline import train
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized, tokenize
from gr_jax.artefacts import build
from tests.reference.noisy import noisy
from tests.reference.small_world import shop

# The section of each recipe and its fit.
TOKENIZERS = {
  "dsi": (
    {"seed": 0, "collisions": "clusters", "ids": "semantic"}
    | {"branches": 8, "leaf": 8},
    dsi.fit,
  ),
}
GENERATOR = {
  "seed": 0,
  "precision": "float32",
  "adaptor_layers": 1,
  "count_alpha": 1.0,
  "prompt": {"history": 5, "lookback": 8, "query_words": 3, "user_buckets": 8},
  "model": {"layers": 1, "width": 8, "heads": 2, "kv_heads": 1}
  | {"head_size": 4, "feed_forward": 8},
  "examples": {"batch_size": 8, "targets": 2},
  "optimizer": {},
  "loop": {"steps": 1, "log_every": 1, "checkpoint_every": 1},
  "mesh": {},
}


def tokenize_shop(
  workdir: pathlib.Path, tokenizer: str
) -> tuple[Data, Tokenized]:
  """Writes, or loads, the stages before the generator."""
  data, vectors = _data(workdir), _vectors(workdir)
  section, fit = TOKENIZERS[tokenizer]
  config = ConfigDict(section)
  return data, tokenize(config, workdir, data, vectors, fit=fit)


def make(
  workdir: pathlib.Path, *, tokenizer: str = "dsi", **generator
) -> train.Generator:
  """Writes the stages of a run and returns its generator, as trained.

  Stages that lie in `workdir` are loaded.

  Args:
    workdir: the folder of the run.
    tokenizer: one of `TOKENIZERS`.
    **generator: changes of the section `GENERATOR`.
  """
  data, found = tokenize_shop(workdir, tokenizer)
  config, inputs = (
    ConfigDict(GENERATOR | generator),
    [found.artefact.fingerprint],
  )
  with _noise_for_steps():
    return train.train(config, workdir, data, found.semantic_ids, inputs)


def _data(workdir: pathlib.Path) -> Data:
  catalogue, requests = shop().catalogue, shop().requests

  def save(directory: pathlib.Path) -> None:
    catalogue.save(directory / "catalogue")

  return Data(catalogue, requests, build(workdir, "data", {}, [], save))


def _vectors(workdir: pathlib.Path) -> Vectors:
  items = np.random.default_rng(0).normal(size=(len(shop().catalogue), 6))
  items = items.astype(np.float32)

  def save(directory: pathlib.Path) -> None:
    np.save(directory / "items.npy", items)

  section = {"text_weight": 1.0}
  return Vectors(items, items[:0], build(workdir, "vectors", section, [], save))


@contextlib.contextmanager
def _noise_for_steps() -> Iterator[None]:
  def make_step(*_, **__):
    def step(state, batch):
      params = noisy(state.params)
      state = state.replace(step=state.step + 1, params=params)
      return state, {"train/loss": 0.0}

    return step

  with (
    mock.patch.object(train, "make_step", make_step),
    mock.patch.object(train, "throughput", return_value=None),
  ):
    yield
