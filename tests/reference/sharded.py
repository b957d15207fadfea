"""Training steps of the small world on any mesh of the simulated devices."""

import functools
import pathlib
import tempfile

import jax
import numpy as np
import optax
from flax import linen as nn

from experiments.pipeline.base_model import described, find_base
from experiments.pipeline.tasks import task_of
from gr_jax.generators import placement
from gr_jax.generators.pretrained.frozen import FROZEN, initialized
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_sharding,
  make_mesh,
  put_batch,
)
from gr_jax.training.loop import make_step
from gr_jax.training.state import TrainState, abstract_state
from tests.reference import tasks, tiny_tokenizers
from tests.reference.noisy import noisy

B = 8
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
SIZES = {
  "layers": 1,
  "width": 40,
  "heads": 4,
  "kv_heads": 1,
  "head_size": 6,
  "feed_forward": 56,
}


def pretrained(model_type, *, rank, tied):
  """The changes of a section to a decoder of text; rank 0 trains all of it."""
  sizes = {"like": "", "model_type": model_type, "tokens": 264, "tied": tied}
  return {
    "network": "pretrained",
    "prompt": {
      "history": 3, "lookback": 8, "facts_tokens": 10, "query_tokens": 10,
    },
    "pretrained": {
      "path": "random",
      "rows": "text",
      "lora": {"rank": rank, "alpha": 4.0},
      "random": SIZES | sizes | {"max_positions": 128},
    },
  }  # fmt: skip


GENERATORS = {
  "decoder_only": {},
  "counted": {
    "count_alpha": 1.0,
    "transitions": {"neighbours": 3, "window": 2, "last": 2},
  },
  "candidates": {"count_alpha": 1.0, "candidates": {"size": 6}},
  "flatten_items": {"prompt_encoder": "flatten_items"},
  "merge_items": {"prompt_encoder": "merge_items"},
  "page_wise": {"task": "page_wise"},
  "encoder_decoder": {"network": "encoder_decoder"},
  "nci": {"network": "nci", "adaptor_layers": 1},
  "lazy_ar": {"network": "lazy_ar", "early_layers": 1, "layers": 2},
  "value_aware": {"task": "value_aware", "layers": 2},
  "pretrained": pretrained("qwen2", rank=2, tied=True),
  "pretrained_pages": {
    "task": "page_wise",
    **pretrained("llama", rank=0, tied=False),
  },
}
# Where all weights are large, float32 itself is 7e-5 beside float64 after four
# stacks of layers in a row, and 2e-5 after layers and their LoRA.
WEIGHTS = {"nci": 0.7, "pretrained": 0.7}


def untrained(section):
  with tempfile.TemporaryDirectory() as folder:
    directory, vectors = pathlib.Path(folder), None
    if "candidates" in section:
      vectors = tiny_tokenizers.vectors(directory)
    base = find_base(section, directory, tasks.data(directory))
    section = described(section, base)
    return tasks.untrained(section, directory, vectors, base)


def mesh_of(config, count):
  return make_mesh(config, jax.devices()[:count])


@functools.cache
def parts(name="decoder_only"):
  """An untrained generator whose sizes eight devices divide."""
  changes = dict(GENERATORS[name])
  section = tasks.section(changes.pop("task", "point_wise"))
  section.update({"prompt_encoder": "sum_items", "count_alpha": 0.0})
  section.network = section.get("network", "decoder_only")
  layers = changes.pop("layers", SIZES["layers"])
  for key, value in changes.items():
    section[key] = value
  section.examples.batch_size = B
  section.model = section.model.copy_and_resolve_references()
  section.model.update(SIZES | {"layers": layers})
  found = untrained(section)
  rows = placement.vocabulary_of(found.model)
  if not rows % 8:
    return found
  section.prompt.user_buckets += -rows % 8
  return untrained(section)


@functools.cache
def learned(name):
  """The task of a generator, what it reads, its parameters and a batch."""
  given = parts(name)
  task, counts = task_of(given.section)(given), given.counts()
  scale = WEIGHTS.get(name, 1.0)

  def weights(boxed):
    moved = noisy(nn.unbox(boxed))
    return jax.device_get(jax.tree.map(lambda x: scale * x, moved))

  if given.section.network == "pretrained":
    drawn = initialized(given.model.decoder, jax.random.key(1))
    counts |= weights({k: v for k, v in drawn.items() if k == FROZEN})
  made = jax.jit(given.initializer(counts))(jax.random.key(0))
  return task, counts, weights(made), next(iter(task.batches))


def training(name, mesh, *, micro_batches=1):
  """A step, and what goes into it, on a mesh."""
  given, (task, counts, params, batch) = parts(name), learned(name)
  step, inputs = step_of(
    functools.partial(task.loss, given.model),
    given.initializer(counts),
    params,
    batch,
    mesh,
    micro_batches=micro_batches,
    totals=task.totals,
  )
  return step, (*inputs, placement.place_fixed(given.model, counts, mesh))


def step_of(loss, init, params, batch, mesh, **options):
  """A step of `OPTIMIZER`, and a state and a batch, where the rules put them.

  Args:
    loss: as `make_step` takes it.
    init: from a key to parameters, boxed with the names of their axes.
    params: on the host.
    batch: on the host.
    mesh: the devices.
    **options: those of `make_step`.
  """
  like = abstract_state(init, OPTIMIZER, mesh=mesh)
  step = make_step(loss, OPTIMIZER, like=like, **options)
  state = TrainState(np.int32(0), params, OPTIMIZER.init(params))
  places = jax.tree.map(lambda x: x.sharding, like)
  return step, (jax.device_put(state, places), put_batch(batch, mesh))


def run(step, inputs, mesh):
  """Metrics, parameters and gradients of one step."""
  with jax.set_mesh(mesh):
    state, metrics = step(*inputs)
  return jax.device_get((metrics, state.params, state.opt_state))


def trained(name, mesh, **options):
  """Metrics, parameters and gradients of one step."""
  return run(*training(name, mesh, **options), mesh)


def as_shapes(tree, mesh):
  """Shapes of a batch that the devices of a mesh share."""
  sharding = batch_sharding(mesh)
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=sharding),
    tree,
  )
