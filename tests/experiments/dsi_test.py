"""DSI's and NCI's parts, from the vectors to a report, at toy size."""

import json

import jax
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from configs import nci as nci_config
from experiments import dsi
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import tokenize
from experiments.pipeline.train import train
from gr_jax.artefacts import Artefact
from gr_jax.generators.build import build_generator
from gr_jax.retrieval.retriever import Retriever
from gr_jax.tokenizers.dsi import IDS
from tests.reference.small_world import shop, writer


def section(ids: str) -> ConfigDict:
  return ConfigDict(
    {
      "name": "dsi",
      "seed": 0,
      "collisions": "next_free",
      "ids": ids,
      "branches": 3,
      "leaf": 5,
    }
  )


def data(directory) -> Data:
  world = shop()
  return Data(world.catalogue, world.requests, Artefact(directory, "mark", 0.0))


def tokenized(directory, ids: str):
  items = np.random.default_rng(0).normal(size=(len(shop().catalogue), 6))
  items = items.astype(np.float32)
  made = data(directory)
  vectors = Vectors(items, items[:0], made.artefact)
  return tokenize(section(ids), directory, made, vectors, fit=dsi.fit)


@pytest.mark.parametrize("ids", list(IDS))
def test_every_item_has_an_id_of_its_own(tmp_path, ids):
  found = tokenized(tmp_path, ids).semantic_ids
  assert found.num_ids == len(shop().catalogue)
  history = json.loads((tmp_path / "tokenizer/history.json").read_text())
  assert [row["step"] for row in history] == [1]


def test_unknown_ids_are_refused_before_anything_runs(tmp_path):
  config = nci_config.get_config("tiny")
  config.tokenizer.ids = "x"
  with pytest.raises(ValueError, match=r"tokenizer.ids is 'x'; use one"):
    dsi.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_ids_of_their_own_are_not_left_to_a_policy_on_shared_ones(tmp_path):
  config = nci_config.get_config("tiny")
  config.tokenizer.collisions = "suffix"
  with pytest.raises(ValueError, match="use 'next_free'"):
    dsi.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_pages_are_refused_before_anything_runs(tmp_path):
  config = nci_config.get_config("tiny")
  config.generator.task = "page_wise"
  with pytest.raises(ValueError, match=r"'page_wise', which .*=nci cannot"):
    dsi.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def generator_section() -> ConfigDict:
  """Of NCI, small enough for the small world."""
  config = nci_config.get_config("tiny").generator
  config.precision = "float32"
  config.model.update(
    layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16
  )
  config.examples.update(batch_size=8, targets=2)
  config.loop.update(steps=2, log_every=1, checkpoint_every=2)
  return config


@pytest.mark.slow
def test_a_search_of_ids_that_end_finds_the_whole_catalogue(tmp_path):
  ids = tokenized(tmp_path, "semantic").semantic_ids
  assert (ids.codes < 0).any()
  config = generator_section()
  prompt_writer = writer()
  model = build_generator(
    config, vocabulary=prompt_writer._vocabulary, semantic_ids=ids
  )
  rows = np.arange(2)
  prompts = prompt_writer.prompts(rows, shown=np.ones(2, bool))
  queries = prompt_writer.queries(shop().requests.query[rows])
  # The words of the small world; its codes are others.
  prompts = jax.tree.map(lambda x: np.where(x < 0, x, 0), prompts)
  params = jax.jit(model.init)(
    jax.random.key(0), prompts, queries[:, None], ids.codes[rows][:, None]
  )
  found = Retriever(model, nn.unbox(params), ids, batch_size=2).search(
    prompts, queries, beam_size=ids.num_ids
  )
  for row in found.ids.tolist():
    assert sorted(row) == list(range(ids.num_ids))


@pytest.mark.slow
def test_what_is_trained_knows_the_ends_and_the_prefix(tmp_path):
  found = tokenized(tmp_path, "semantic")
  config = generator_section()
  generator = train(config, tmp_path, data(tmp_path), found)
  assert generator.model.ends
  assert generator.model.adaptor.config.layers == config.adaptor_layers
  assert "adaptor" in generator.params["params"]
