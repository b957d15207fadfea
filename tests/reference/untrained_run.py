"""A run up to its evaluation, on the small shop, with nothing trained."""

import jax
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from gr_jax.artefacts import Artefact, write_json
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = ConfigDict(
  {
    "name": "cq_sid",
    "evaluation": {
      "requests": 8,
      "beam": 10,
      "beams": (2, 10),
      "beam_requests": 4,
      "unconstrained_beam": 3,
      "batch_size": 4,
    },
  }
)
TRANSFORMER = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16
)


def generator(artefact):
  model = DecoderOnly(
    TRANSFORMER, writer()._vocabulary.prompt_size, semantic_ids().level_sizes
  )
  rows = np.zeros(1, np.int64)
  prompt = writer().prompts(rows, shown=np.ones(1, bool))
  queries = writer().queries(rows)[:, None]
  codes = np.zeros((1, 1, len(semantic_ids().level_sizes)), np.int32)
  init = jax.jit(model.init)
  params = nn.unbox(init(jax.random.key(0), prompt, queries, codes))
  return TrainedGenerator(model, noisy(params), writer(), artefact)


def made(workdir):
  """The working directory and what the stages before left in it."""
  artefact = Artefact(workdir / "earlier", "a mark", 2.0)
  artefact.directory.mkdir()
  write_json(artefact.directory / "quality.json", [])
  write_json(artefact.directory / "history.json", [{"step": 1, "loss": 2.0}])
  world = shop()
  return Stages(
    workdir,
    Data(world.catalogue, world.requests, artefact),
    Vectors(world.items.x, world.query_x, artefact),
    Tokenized(semantic_ids(), artefact),
    generator(artefact),
  )
