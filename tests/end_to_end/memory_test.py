"""What a device keeps, by the compiler's own account of memory."""

import functools
import math
import re

import jax
import numpy as np
import optax
import pytest

from gr_jax.parallel.mesh import MeshConfig, batch_parts
from gr_jax.training.loop import make_step
from gr_jax.training.state import abstract_state
from tests.reference import sharded
from tests.reference.sharded import MESHES, mesh_of, parts


def bytes_of_state(config: MeshConfig, count: int) -> int:
  """Bytes of parameters and AdamW's state on each device, by the compiler."""
  mesh = mesh_of(config, count)
  given, task = parts(), sharded.learned("decoder_only")[0]
  loss = functools.partial(task.loss, given.model)
  optimizer = optax.adamw(1e-3)
  state = abstract_state(given.initializer({}), optimizer, mesh=mesh)
  batch = next(iter(task.batches))
  step = make_step(loss, optimizer, like=state)
  with jax.set_mesh(mesh):
    lowered = step.lower(state, sharded.as_shapes(batch, mesh), {})
    memory = lowered.compile().memory_analysis()
  inputs = sum(np.asarray(x).nbytes for x in jax.tree.leaves(batch))
  return memory.argument_size_in_bytes - inputs // batch_parts(mesh)


def test_fsdp_keeps_an_eighth_of_parameters_and_optimizer_state_a_device():
  """Norms and biases, which are whole, are the rest up to a seventh."""
  one, eight = (
    bytes_of_state(MeshConfig(), 1),
    bytes_of_state(MeshConfig(fsdp=8), 8),
  )
  params = sharded.learned("decoder_only")[2]
  numbers = sum(math.prod(x.shape) for x in jax.tree.leaves(params))
  assert one == pytest.approx(12 * numbers, rel=0.02)
  assert eight <= one / 7


def test_float32_parameters_stay_float32_beside_bfloat16_products():
  """Under sharding as well: gathered in float32, multiplied in bfloat16."""
  section = parts().section.copy_and_resolve_references()
  section.precision = "bfloat16"
  given = sharded.untrained(section)
  mesh = mesh_of(*MESHES["mixed"])
  optimizer = optax.adam(1e-3)
  state = abstract_state(given.initializer({}), optimizer, mesh=mesh)
  task = sharded.learned("decoder_only")[0]
  step = make_step(
    functools.partial(task.loss, given.model), optimizer, like=state
  )
  batch = sharded.as_shapes(next(iter(task.batches)), mesh)
  with jax.set_mesh(mesh):
    lowered = step.lower(state, batch, {})
  after, _ = lowered.out_info
  for array in jax.tree.leaves((after.params, after.opt_state)):
    assert array.dtype in (np.float32, np.int32)
  products = re.findall(r"dot_general .*: \((.*?)\) ->", lowered.as_text())
  assert any("bf16" in inputs for inputs in products)
