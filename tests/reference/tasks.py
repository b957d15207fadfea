"""A generator that learns one of the tasks in the small world."""

import pathlib

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.recipe import recipe_of
from experiments.pipeline.train import make_vocabulary
from gr_jax.artefacts import Artefact
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.nn.transformer import TransformerConfig
from tests.reference import small_world

EXAMPLES = {
  "point_wise": {"batch_size": 4, "targets": 3},
  "page_wise": {"batch_size": 4, "places": 6, "pages": 2},
}


def section(learns: str) -> ConfigDict:
  return ConfigDict(
    {
      "seed": 0,
      "precision": "float32",
      "task": learns,
      "prompt_encoder": "merged",
      "examples": EXAMPLES[learns],
    }
  )


def data(directory: pathlib.Path) -> Data:
  world = small_world.shop()
  return Data(world.catalogue, world.requests, Artefact(directory, "", 0.0))


def started(learns: str, directory: pathlib.Path):
  """Task, model and initial parameters."""
  recipe = recipe_of(section(learns))
  ids = small_world.semantic_ids()
  vocabulary = make_vocabulary(
    data(directory), ids, small_world.PROMPT, page_ends=recipe.page_ends
  )
  writer = PromptWriter(
    small_world.shop().requests, ids, vocabulary, small_world.PROMPT
  )
  model = DecoderOnly(
    TransformerConfig(
      layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16
    ),
    vocabulary.prompt_size,
    ids.level_sizes,
    bool((ids.codes < 0).any()),
    prompt_encoder=recipe.prompt_encoder,
  )
  task = recipe.task(section(learns), data(directory), ids, writer, vocabulary)
  batch = next(iter(task.batches))
  queries = batch.queries[:, :1]
  params = jax.jit(model.init)(
    jax.random.key(0), batch.prompt, queries, batch.codes[:, :1]
  )
  return task, model, nn.unbox(params), batch
