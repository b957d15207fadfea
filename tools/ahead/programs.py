"""The programs of a config, as shapes: a training step and a search.

No data is read. A synthetic shop stands in for the catalogue, with random codes
of the config's levels, so that batches, prompts and tries have the shapes that
a run gives them; what differs is the number of words in queries.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.tasks import Task, task_of
from experiments.pipeline.untrained import Untrained, build_untrained
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.generators.placement import abstract_params
from gr_jax.parallel.mesh import batch_sharding, replicated
from gr_jax.tokenizers.build import settings
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.loop import make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import abstract_state
from gr_jax.training.throughput import dense_flops


@dataclasses.dataclass(frozen=True)
class Parts:
  """A generator section over the synthetic shop.

  Attributes:
    untrained: the generator.
    task: its batches and loss.
    counts: the variables that are not trained.
    trie: as many IDs as the catalogue shall have.
  """

  untrained: Untrained
  task: Task
  counts: dict[str, Any]
  trie: Trie


def parts(config: ConfigDict, *, items: int) -> Parts:
  """The parts that a run of `config` would train, for a catalogue of `items`.

  Raises:
    ValueError: the tokenizer section names no levels.
  """
  world = shop_world.generate(
    shop_config.ShopWorldConfig(
      num_items=2000, num_users=400, num_requests=2000
    ),
    seed=0,
  )
  data = Data(world.catalogue, world.requests, artefact=None)
  sizes = _level_sizes(config.tokenizer)
  ids = SemanticIds(_codes(len(world.catalogue.item_ids), sizes), sizes)
  catalogue = SemanticIds(_codes(items, sizes), sizes)
  untrained = build_untrained(config.generator, data, ids)
  return Parts(
    untrained,
    task_of(config.generator)(untrained),
    untrained.counts(),
    build_trie(catalogue.ids, sizes),
  )


def _level_sizes(tokenizer: ConfigDict) -> tuple[int, ...]:
  levels = settings(tokenizer).levels
  if not levels:
    raise ValueError(
      "the tokenizer section names no levels; only recipes with codebooks can "
      "be compiled ahead."
    )
  return levels


def _codes(items: int, sizes: tuple[int, ...]) -> np.ndarray:
  rng = np.random.default_rng(0)
  return np.stack([rng.integers(0, size, items) for size in sizes], axis=1)


def lowered_step(given: Parts, mesh: Mesh):
  """The training step, lowered for the devices of `mesh`."""
  section, model = given.untrained.section, given.untrained.model
  optimizer = make_optimizer(OptimizerConfig(**section.optimizer), 1000)
  init = given.untrained.initializer(given.counts)
  state = abstract_state(init, optimizer, mesh=mesh)
  step = make_step(
    functools.partial(given.task.loss, model),
    optimizer,
    like=state,
    micro_batches=section.loop.get("micro_batches", 1),
    totals=given.task.totals,
  )
  batch = _shapes(next(iter(given.task.batches)), batch_sharding(mesh))
  return step.lower(state, batch, _shapes(given.counts, replicated(mesh)))


def _abstract_params(given: Parts):
  return nn.unbox(abstract_params(given.untrained.model, given.counts))


def step_flops(given: Parts) -> float:
  """FLOPs of the dense layers in one training step, all devices together."""
  section, model = given.untrained.section, given.untrained.model
  length = model.prompt_encoder.length(
    items=section.prompt.history, levels=len(model.level_sizes)
  )
  positions = given.task.prompts * (length + given.task.positions)
  forward_again = 4 / 3 if model.config.remat == "full" else 1
  return forward_again * dense_flops(_abstract_params(given), positions)


def lowered_search(given: Parts, mesh: Mesh, *, requests: int, beam: int):
  """A search for `requests` a batch, which the devices share."""
  everywhere, split = replicated(mesh), batch_sharding(mesh)
  writer = given.untrained.writer
  rows = np.zeros(requests, np.int64)
  prompt = writer.prompts(rows, shown=np.ones(requests, bool))
  queries = writer.queries(np.full(requests, -1))
  search = jax.jit(
    functools.partial(beam_search, given.untrained.model),
    static_argnames="beam_size",
  )
  return search.lower(
    _shapes(_abstract_params(given) | given.counts, everywhere),
    _shapes((prompt, queries), split),
    _shapes(given.trie, everywhere),
    beam_size=beam,
  )


def _shapes(tree, sharding):
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=sharding),
    tree,
  )
