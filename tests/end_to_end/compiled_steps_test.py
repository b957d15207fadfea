"""What the compiler makes of every kind of step, read from its own text.

No step calls back to the host. Over model nothing that the rules split is
gathered. Over fsdp parameters are gathered, by the layers that use them and
nowhere else: never by the update, whose moments stay where they are.
"""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.clustering import kmeans
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.filters import pack_rows
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.parallel.mesh import (
  FSDP,
  MODEL,
  MeshConfig,
  make_mesh,
  replicated,
)
from gr_jax.rl.losses.build import LOSSES
from gr_jax.tokenizers import cluster_tree, rq_vae, rq_vae_training
from gr_jax.training import scan_fit
from tests.reference import (
  sharded,
  sharded_alignment,
  sharded_search,
  tiny_tokenizers,
)
from tests.reference.compiled_text import HOST, check, gathers
from tests.reference.sharded import MESHES, mesh_of, parts
from tests.reference.small_world import semantic_ids


@functools.cache
def training_step(name: str, config: MeshConfig, count: int = 8):
  mesh = mesh_of(config, count)
  step, inputs = sharded.training(name, mesh)
  with jax.set_mesh(mesh):
    compiled = step.lower(*inputs).compile()
  state, _, fixed = inputs
  return compiled, (state.params, fixed.get(FROZEN, ())), mesh


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


def test_a_gathered_argument_is_its_readers():
  """One more that reads it is one more that gathers."""
  mesh = make_mesh(MeshConfig(fsdp=2, model=2))
  spec = jax.NamedSharding(mesh, jax.P(MODEL, FSDP))
  w = jax.ShapeDtypeStruct((24, 40), np.float32, sharding=spec)
  line = "  %{} = f32[12,40] {}, metadata={{op_name={}}}".format
  gather = "all-gather(%p), replica_groups={{0,2},{1,3},{4,6},{5,7}}"
  text = "\n".join(
    [
      line("g.1", gather, '"state.w"'),
      line("a", "add(%g.1, %b)", '"jit(step)/jvp(Net)/add"'),
      line("c", "add(%b, %g.10)", '"jit(step)/update"'),
    ]
  )
  assert check(text, {"w": w}, mesh, network="jvp(") == 1
  update = line("d", "add(%b, %g.1)", '"jit(step)/update"')
  with pytest.raises(AssertionError, match="Gather"):
    check(f"{text}\n{update}", {"w": w}, mesh, network="jvp(")


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
  compiled, params, where = training_step(name, *MESHES[mesh])
  found = check(compiled.as_text(), params, where, network="jvp(")
  assert bool(found) == (where.shape[FSDP] > 1)


@SPLIT
@pytest.mark.parametrize(
  "loss",
  [
    "eg_grpo",
    *(
      pytest.param(name, marks=pytest.mark.slow)
      for name in LOSSES
      if name != "eg_grpo"
    ),
  ],
)
def test_rollouts_and_updates(mesh, loss):
  where = mesh_of(*MESHES[mesh])
  rollout, updates, state, context, batch = sharded_alignment.alignment(
    where, (loss,)
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
    update = updates[loss].lower(state, context, samples, rewards)
    check(
      update.compile().as_text(), state.params, where, network="DecoderOnly"
    )


@SPLIT
@pytest.mark.parametrize(
  "name",
  [
    "decoder_only",
    *(
      pytest.param(name, marks=pytest.mark.slow)
      for name in sharded.GENERATORS
      if name != "decoder_only"
    ),
  ],
)
def test_searches(name, mesh):
  """Prefill and every step of decoding, with filters."""
  where, ids = mesh_of(*MESHES[mesh]), semantic_ids()
  model, (_, counts, params, _) = parts(name).model, sharded.learned(name)
  shardings = placement.search_shardings(model, params | counts, where)
  variables = placement.place_for_search(params | counts, where, shardings)
  prompt, queries, _ = sharded_search.searched(name)
  prompt, queries = jax.tree.map(lambda x: x[:8], (prompt, queries))
  allowed = pack_rows(np.ones((8, ids.num_ids), bool))
  trie = jax.device_put(build_trie(ids.ids, ids.level_sizes), replicated(where))
  search = jax.jit(beam_search, static_argnums=0, static_argnames="beam_size")
  with jax.set_mesh(where):
    compiled = search.lower(
      model,
      variables,
      sharded.as_shapes((prompt, queries), where),
      trie,
      beam_size=6,
      allowed=sharded.as_shapes(allowed, where),
    ).compile()
  # Over fsdp a search gathers nothing: its parameters are whole there.
  params = [variables.get(key, ()) for key in ("params", FROZEN)]
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


@pytest.mark.slow
@pytest.mark.parametrize("case", tiny_tokenizers.CASES)
def test_no_tokenizer_calls_the_host(case, tmp_path, monkeypatch):
  texts = []

  def seen(run, *inputs, **options):
    texts.append(run.lower(*inputs, **options).compile().as_text())
    return run(*inputs, **options)

  for module, name in (
    (scan_fit, "_run_chunk"),
    (scan_fit, "_run_batches"),
    (kmeans, "_lloyd"),
    (cluster_tree, "_split"),
  ):
    run = functools.partial(seen, getattr(module, name))
    monkeypatch.setattr(module, name, run)
  tiny_tokenizers.fit(case, tmp_path)
  assert not any(map(HOST.search, texts))
  # Names are no codes of a network: nothing is fitted to give them.
  assert texts or case in ("atomic", "naive", "given_ids")
