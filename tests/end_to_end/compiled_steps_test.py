"""What the compiler makes of every kind of step, read from its own text.

No step calls back to the host. Over model nothing that the rules split is
gathered. Over fsdp parameters are gathered, by the layers that use them and
nowhere else: never by the update, whose moments stay where they are.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.clustering import kmeans
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.filters import pack_rows
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.parallel.mesh import (
  FSDP,
  MODEL,
  MeshConfig,
  make_mesh,
  replicated,
)
from gr_jax.tokenizers import rq_vae, rq_vae_training
from gr_jax.training import scan_fit
from tests.reference import sharded, sharded_alignment, sharded_search
from tests.reference.sharded import MESHES, mesh_of, parts
from tests.reference.small_world import semantic_ids

HOST = re.compile(
  r'custom_call_target="\w*callback|'
  r" (infeed|outfeed|send|recv|send-done|recv-done)\("
)
GATHER = re.compile(r"= (.*?) all-gather(?:-start)?\(.*")
SHAPE = re.compile(r"\w+\[([\d,]+)\]")
OP_NAME = re.compile(r'op_name="([^"]*)"')
# The devices that gather from each other, in the three forms of the compiler.
NUMBERS = r"\[([\d,]+)\](?:T\(([\d,]+)\))?"
LISTED = re.compile(r"replica_groups=\{\{([\d,]+)\}")
TILED = re.compile(rf"replica_groups=\[\d+,(\d+)\]<={NUMBERS}")
NAMED = re.compile(
  r"replica_groups=mesh\[(.*?)\],?"
  rf"(?: device_ids=\({NUMBERS}\))? \{{(.*?)\}}"
)


class Gather(NamedTuple):
  """An array that devices gather, and the operation that wants it."""

  shape: tuple[int, ...]
  op: str
  axes: frozenset[str]


def numbers(text: str) -> list[int]:
  return [int(number) for number in text.split(",")]


def spread(sizes: str, order: str | None) -> np.ndarray:
  """Device numbers as `[4,2]T(1,0)` lays them out."""
  shape = numbers(sizes)
  devices = np.arange(np.prod(shape)).reshape(shape)
  return devices.transpose(numbers(order)) if order else devices


def first_group(line: str) -> np.ndarray:
  """The devices of the first group of a collective."""
  if found := LISTED.search(line):
    return np.array(numbers(found[1]))
  if found := TILED.search(line):
    return spread(found[2], found[3]).reshape(-1)[: int(found[1])]
  found = NAMED.search(line)
  assert found, line
  pairs = [pair.split("=") for pair in found[1].split(",")]
  names, sizes = [pair[0] for pair in pairs], [int(pair[1]) for pair in pairs]
  everyone = found[2] or str(np.prod(sizes))
  devices = spread(everyone, found[3]).reshape(sizes)
  together = [each in found[4].split(",") for each in names]
  return devices[tuple(slice(None) if there else 0 for there in together)]


def gathers(text: str, mesh) -> Iterator[Gather]:
  for line in text.splitlines():
    if found := GATHER.search(line):
      op = OP_NAME.search(line)
      places = np.unravel_index(first_group(line), tuple(mesh.shape.values()))
      axes = frozenset(
        name for name, at in zip(mesh.axis_names, places) if np.ptp(at)
      )
      for sizes in SHAPE.findall(found[1]):
        yield Gather(tuple(numbers(sizes)), op[1] if op else "", axes)


def one_layer(array, sharding) -> tuple[tuple[int, ...], tuple]:
  """Shape and axes of a parameter, of one layer where they are stacked."""
  spec = (*sharding.spec, *(None,) * (array.ndim - len(sharding.spec)))
  stacked = array.ndim == 3
  return array.shape[stacked:], spec[stacked:]


def whole_over(axis: str, array, sharding, mesh) -> set[tuple[int, ...]]:
  """Shapes of a parameter with nothing left to split along a mesh axis."""
  shape, spec = one_layer(array, sharding)
  if axis not in spec:
    return set()
  local = tuple(
    size if there in (None, axis) else size // mesh.shape[there]
    for size, there in zip(shape, spec)
  )
  return {each[::way] for each in (shape, local) for way in (1, -1)}


def check(text: str, params, mesh, *, network: str) -> int:
  """Holds a program against the laws; the number of parameters gathered.

  `network` is part of the names of all operations that may gather some.
  """
  assert not HOST.search(text)
  count = 0
  for gather in gathers(text, mesh):
    for array in jax.tree.leaves(params):
      whole = {
        axis: gather.shape in whole_over(axis, array, array.sharding, mesh)
        for axis in gather.axes & {MODEL, FSDP}
      }
      assert not whole.get(MODEL), gather
      if whole.get(FSDP):
        assert network in gather.op, gather
        count += 1
  return count


@functools.cache
def training_step(name: str, config: MeshConfig, count: int = 8):
  mesh = mesh_of(config, count)
  step, inputs = sharded.training(name, mesh)
  with jax.set_mesh(mesh):
    return step.lower(*inputs).compile(), inputs[0], mesh


def test_the_check_sees_a_gather_and_a_callback():
  """Of a program that breaks each law."""
  mesh = make_mesh(MeshConfig(fsdp=2, model=2))
  spec = jax.NamedSharding(mesh, jax.P(MODEL, FSDP))
  w = jax.ShapeDtypeStruct((24, 40), np.float32, sharding=spec)

  def text(function):
    return jax.jit(function).lower(w).compile().as_text()

  everywhere = replicated(mesh)
  gathered = text(lambda w: jax.lax.with_sharding_constraint(w, everywhere))
  with pytest.raises(AssertionError, match="Gather"):
    check(gathered, {"w": w}, mesh, network="")
  split = jax.NamedSharding(mesh, jax.P(MODEL))
  over_fsdp = text(lambda w: jax.lax.with_sharding_constraint(w, split))
  with pytest.raises(AssertionError, match="Gather"):
    check(over_fsdp, {"w": w}, mesh, network="DecoderOnly")
  assert check(over_fsdp, {"w": w}, mesh, network="") == 1

  def called(w):
    jax.debug.callback(lambda x: None, w.sum())
    return w

  with pytest.raises(AssertionError):
    check(text(called), {"w": w}, mesh, network="")


SPLIT = pytest.mark.parametrize(
  "mesh",
  [
    "mixed",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("4 x 2", "fsdp")),
  ],
)


@SPLIT
@pytest.mark.parametrize(
  "name",
  [
    "counted",
    *(
      pytest.param(name, marks=pytest.mark.slow)
      for name in sharded.GENERATORS
      if name != "counted"
    ),
  ],
)
def test_training(name, mesh):
  """Only what gives a loss or its gradient gathers, not the update."""
  compiled, state, where = training_step(name, *MESHES[mesh])
  found = check(compiled.as_text(), state.params, where, network="jvp(")
  assert bool(found) == (where.shape[FSDP] > 1)


@SPLIT
def test_rollouts_and_updates(mesh):
  where = mesh_of(*MESHES[mesh])
  rollout, updates, state, context, batch = sharded_alignment.alignment(
    where, ("eg_grpo",)
  )
  with jax.set_mesh(where):
    drawn = rollout.lower(state.old_params, context, batch, jax.random.key(0))
    drawn = drawn.compile()
    check(drawn.as_text(), state.params, where, network="DecoderOnly")
    samples = jax.tree.map(
      lambda x, sharding: jax.ShapeDtypeStruct(
        x.shape, x.dtype, sharding=sharding
      ),
      jax.eval_shape(
        rollout, state.old_params, context, batch, jax.random.key(0)
      ),
      drawn.output_shardings,
    )
    rewards = jax.ShapeDtypeStruct(
      samples.group.ids.shape,
      np.float32,
      sharding=drawn.output_shardings.queries,
    )
    update = updates["eg_grpo"].lower(state, context, samples, rewards)
    check(
      update.compile().as_text(), state.params, where, network="DecoderOnly"
    )


@SPLIT
def test_searches(mesh):
  """Prefill and every step of decoding, with filters."""
  where, ids = mesh_of(*MESHES[mesh]), semantic_ids()
  params = sharded.learned("decoder_only")[2]
  shardings = placement.search_shardings(parts().model, params, where)
  variables = placement.place_for_search(params, where, shardings)
  prompt, queries, _ = sharded_search.searched()
  prompt, queries = jax.tree.map(lambda x: x[:8], (prompt, queries))
  allowed = pack_rows(np.ones((8, ids.num_ids), bool))
  trie = jax.device_put(build_trie(ids.ids, ids.level_sizes), replicated(where))
  search = jax.jit(beam_search, static_argnums=0, static_argnames="beam_size")
  with jax.set_mesh(where):
    compiled = search.lower(
      parts().model,
      variables,
      sharded.as_shapes((prompt, queries), where),
      trie,
      beam_size=6,
      allowed=sharded.as_shapes(allowed, where),
    ).compile()
  # Over fsdp a search gathers nothing: its parameters are whole there.
  params = variables["params"]
  assert check(compiled.as_text(), params, where, network="") == 0


def test_tokenizers():
  """Clusters and gradients are sums over the devices: no row moves."""
  mesh = make_mesh(MeshConfig())
  rows = jax.random.normal(jax.random.key(0), (8 * 24, 6))
  with jax.set_mesh(mesh):
    x, weights = kmeans.shard_rows(rows, mesh)
    inputs = jax.device_put(
      (rows[:5], jax.random.key(0), 0.0), replicated(mesh)
    )
    lloyd = kmeans._lloyd.lower(
      x, weights, *inputs, num_rows=len(rows), iterations=2,
      matmul=jnp.matmul, mesh=mesh,
    ).compile()  # fmt: skip
  assert not HOST.search(lloyd.as_text())
  assert all(x.shape[0] != g.shape[0] for g in gathers(lloyd.as_text(), mesh))
  config = rq_vae.RqVaeConfig(
    hidden=(8,), latent=4, levels=(4, 5), batch_size=16,
    dot_general=jax.lax.dot_general,
  )  # fmt: skip
  model = rq_vae.build_model(config, features=6)
  params = rq_vae.init_params(model, jax.random.key(0))
  books = tuple(jnp.ones((size, 4)) for size in config.levels)
  state = rq_vae_training.init_state(params, books, config=config)
  places = (jax.P(),) * len(jax.tree.leaves(state))

  def step(state, rows, key):
    batch, step_key = rq_vae_training.draw_batch(rows, key, size=16)
    return rq_vae_training.train_step(state, batch, step_key, config=config)

  with jax.set_mesh(mesh):
    compiled = scan_fit._run_chunk.lower(
      *jax.device_put((state, rows, jax.random.key(0)), replicated(mesh)),
      jnp.asarray(0), step=step, size=2, places=places,
    ).compile()  # fmt: skip
  assert not HOST.search(compiled.as_text())
  assert not {g.shape for g in gathers(compiled.as_text(), mesh)} & {
    x.shape for x in jax.tree.leaves(params) if x.ndim > 1
  }
  # The batch is shared: gradients are of two rows a device, then summed.
  assert re.search(r"f32\[2,8\]", compiled.as_text())
  assert "all-reduce" in compiled.as_text()
