"""A generator that learns one of the tasks in the small world."""

import dataclasses
import pathlib

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tasks import task_of
from experiments.pipeline.untrained import Untrained, build_untrained
from gr_jax.artefacts import Artefact
from tests.reference import small_world

EXAMPLES = {
  "point_wise": {"batch_size": 4, "targets": 3},
  "page_wise": {"batch_size": 4, "places": 6, "pages": 2},
  "value_aware": {"batch_size": 4, "targets": 3},
}
# What a task needs of its section beside the sizes of its examples.
MORE = {
  "value_aware": {
    "network": "lazy_ar",
    "early_layers": 1,
    "count_alpha": 0.0,
    "value": {"buckets": 4},
    "layers": 2,
  }
}
MODEL = {
  "layers": 1,
  "width": 16,
  "heads": 2,
  "kv_heads": 1,
  "head_size": 8,
  "feed_forward": 16,
}


def section(task: str) -> ConfigDict:
  more = dict(MORE.get(task, {}))
  model = MODEL | {"layers": more.pop("layers", MODEL["layers"])}
  return ConfigDict(
    {
      "seed": 0,
      "precision": "float32",
      "task": task,
      "prompt_encoder": "merge_items",
      "prompt": dataclasses.asdict(small_world.PROMPT),
      "model": model,
      "examples": EXAMPLES[task],
      **more,
    }
  )


def data(directory: pathlib.Path) -> Data:
  world = small_world.shop()
  return Data(world.catalogue, world.requests, Artefact(directory, "", 0.0))


def untrained(
  config: ConfigDict,
  directory: pathlib.Path,
  vectors: Vectors | None = None,
  base: pathlib.Path | None = None,
) -> Untrained:
  ids = small_world.semantic_ids()
  return build_untrained(config, data(directory), ids, vectors, base=base)


def valued(directory: pathlib.Path):
  """The parts of a generator that predicts values, and all that it reads."""
  parts = untrained(section("value_aware"), directory)
  counts = parts.counts()
  params = nn.unbox(jax.jit(parts.initializer(counts))(jax.random.key(0)))
  return parts, params | counts


def started(name: str, directory: pathlib.Path):
  """Task, model, initial parameters and a batch."""
  parts = untrained(section(name), directory)
  task, model = task_of(parts.section)(parts), parts.model
  params = jax.jit(parts.initializer({}))(jax.random.key(0))
  return task, model, nn.unbox(params), next(iter(task.batches))
