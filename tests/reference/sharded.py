"""Whole steps of the small world on any mesh of the simulated devices."""

import functools
import pathlib
import tempfile

import jax
import numpy as np
import optax
from flax import linen as nn

from experiments.pipeline.tasks import task_of
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_sharding,
  make_mesh,
  parameter_shardings,
  put_batch,
  replicated,
)
from gr_jax.rl.losses.build import build_loss
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.policies import (
  POLICIES,
  AlignmentContext,
  make_rollout,
  make_score,
)
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.update import make_update, start_alignment
from gr_jax.training.loop import make_step
from gr_jax.training.state import TrainState, abstract_state
from tests.reference import tasks
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop

B, G = 8, 4
# After the first step its trace is the gradient.
OPTIMIZER = optax.sgd(0.1, momentum=0.9)
ONE = (MeshConfig(), 1)
MIXED = (MeshConfig(fsdp=2, model=2), 8)
MESHES = {
  "2": (MeshConfig(), 2),
  "8": (MeshConfig(), 8),
  "4 x 2": (MeshConfig(model=2), 8),
  "2 x 4": (MeshConfig(model=4), 8),
  "fsdp": (MeshConfig(fsdp=8), 8),
  "mixed": MIXED,
  "sequence": (MeshConfig(fsdp=2, sequence=2), 8),
  "expert": (MeshConfig(expert=2, model=2), 8),
}
GENERATORS = {
  "decoder_only": {},
  "counted": {
    "count_alpha": 1.0,
    "transitions": {"neighbours": 3, "window": 2, "last": 2},
  },
  "flatten_items": {"prompt_encoder": "flatten_items"},
  "merge_items": {"prompt_encoder": "merge_items"},
  "page_wise": {"task": "page_wise"},
  "encoder_decoder": {"network": "encoder_decoder"},
  "nci": {"network": "nci", "adaptor_layers": 1},
}


def untrained(section):
  return tasks.untrained(section, pathlib.Path(tempfile.gettempdir()))


def mesh_of(config, count):
  return make_mesh(config, jax.devices()[:count])


@functools.cache
def parts(name="decoder_only"):
  """An untrained generator whose sizes eight devices divide."""
  changes = dict(GENERATORS[name])
  section = tasks.section(changes.pop("task", "point_wise"))
  section.update({"prompt_encoder": "sum_items", "count_alpha": 0.0})
  section.network = "decoder_only"
  for key, value in changes.items():
    section[key] = value
  section.examples.batch_size = B
  section.model = section.model.copy_and_resolve_references()
  section.model.update(layers=1, width=40, heads=4, kv_heads=1, head_size=6)
  section.model.update(feed_forward=56)
  found = untrained(section)
  rows = found.model.prompt_size + sum(found.model.level_sizes)
  section.prompt.user_buckets += -rows % 8
  return untrained(section)


@functools.cache
def learned(name):
  """The task of a generator, its counts, parameters and a batch."""
  given = parts(name)
  task, counts = task_of(given.section)(given), given.counts()
  made = jax.jit(given.initializer(counts))(jax.random.key(0))
  params = jax.device_get(noisy(nn.unbox(made)))
  return task, counts, params, next(iter(task.batches))


def training(name, mesh, *, micro_batches=1):
  """A step, and what goes into it, on a mesh."""
  given, (task, counts, params, batch) = parts(name), learned(name)
  loss = functools.partial(task.loss, given.model)
  like = abstract_state(given.initializer(counts), OPTIMIZER, mesh=mesh)
  state = TrainState(np.int32(0), params, OPTIMIZER.init(params))
  step = make_step(
    loss,
    OPTIMIZER,
    like=like,
    micro_batches=micro_batches,
    totals=task.totals,
  )
  places = jax.tree.map(lambda x: x.sharding, like)
  inputs = jax.device_put(state, places), put_batch(batch, mesh)
  return step, (*inputs, placement.place_counts(counts, mesh))


def trained(name, mesh, **options):
  """Metrics, parameters and gradients of one step."""
  step, inputs = training(name, mesh, **options)
  with jax.set_mesh(mesh):
    state, metrics = step(*inputs)
  return jax.device_get((metrics, state.params, state.opt_state))


def alignment(mesh, losses, *, policy="constrained"):
  """A rollout, an update by each of some losses, and what goes into them."""
  model, params = parts().model, learned("decoder_only")[2]
  start = functools.partial(start_alignment, optimizer=OPTIMIZER)
  abstract = placement.abstract_params(model, {})
  places = parameter_shardings(jax.eval_shape(start, abstract), mesh)
  state = jax.jit(start, out_shardings=places)(params)
  older = jax.tree.map(lambda x: 0.9 * x, params)
  state = state.replace(old_params=jax.device_put(older, places.old_params))
  ids = semantic_ids()
  whole = jax.device_put(
    (build_trie(ids.ids, ids.level_sizes), ids.ids), replicated(mesh)
  )
  reference = jax.device_put(
    jax.tree.map(lambda x: 1.1 * x, params), places.params
  )
  context = AlignmentContext(reference, {}, *whole)
  rows = np.arange(100, 100 + B)
  batch = PromptBatch(
    rows=rows.astype(np.int32),
    prompt=parts().writer.prompts(rows, shown=np.ones(B, bool)),
    queries=parts().writer.queries(shop().requests.query[rows]),
    experts=np.full((B, 1), 3, np.int32),
    positives=np.full((B, 1), 5, np.int32),
  )
  rollout = make_rollout(
    model, sample=POLICIES[policy].sample, group_size=G, mesh=mesh
  )
  updates = {
    name: make_update(
      make_score(model, POLICIES[policy].score),
      OPTIMIZER,
      config=AlignmentConfig(
        build_loss(name), kl_coef=0.1, nll_coef=0.1, old_policy=OldPolicy(2)
      ),
      like=jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
        state,
      ),
    )
    for name in losses
  }
  return rollout, updates, state, context, put_batch(batch, mesh)


def rewards(mesh, group):
  values = np.random.default_rng(0).random(group.ids.shape, np.float32)
  return put_batch(values, mesh)


def aligned(mesh, losses, *, policy="constrained"):
  """The groups of a rollout, and state and metrics of an update by each loss.

  All updates are one program, which shares what they have in common.
  """
  rollout, updates, state, context, batch = alignment(
    mesh, losses, policy=policy
  )

  @jax.jit
  def every(*inputs):
    return {name: update(*inputs) for name, update in updates.items()}

  with jax.set_mesh(mesh):
    samples = rollout(state.old_params, context, batch, jax.random.key(1))
    if not losses:
      return jax.device_get((samples.group, {}))
    found = every(state, context, samples, rewards(mesh, samples.group))
  return jax.device_get((samples.group, found))


def searched():
  """Prompts and queries of some requests, and the rows that each excludes."""
  rows = np.arange(100, 113)
  rng = np.random.default_rng(0)
  size = semantic_ids().num_ids
  excluded = [rng.permutation(size)[: size // 3] for _ in rows]
  prompt = parts().writer.prompts(rows, shown=np.ones(len(rows), bool))
  queries = parts().writer.queries(shop().requests.query[rows])
  return prompt, queries, excluded


def as_shapes(tree, mesh):
  """Shapes of a batch that the devices of a mesh share."""
  sharding = batch_sharding(mesh)
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=sharding),
    tree,
  )
