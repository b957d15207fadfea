"""Groups of IDs for alignment, and what share of an EG-GRPO step they take.

The peer is what one writes first: the same model, its prefill and its steps
compiled, and a Python loop that walks a dictionary trie for every member of
every group. The whole step is one of the default recipe: groups of eight for 64
requests, two experts, the divergence from a reference.
"""

import time

import jax
import numpy as np
import optax

from gr_jax.decoding.trie import build_trie
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.policies import (
  CONSTRAINED,
  AlignmentContext,
  make_rollout,
  make_score,
)
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.update import make_update, start_alignment
from tools.benchmarks.contender import Contender, Limit, Run, Section
from tools.benchmarks.generator import Sizes, init_params
from tools.benchmarks.trie import dictionary_trie

SIZES = Sizes(
  5000,
  level_sizes=(256, 256, 256, 32),
  ids=68_000,
  layers=3,
  width=192,
  heads=3,
  kv_heads=1,
  feed_forward=512,
)
_EXPERTS = 2


def section(
  *, sizes: Sizes = SIZES, group: int = 8, batches: int = 3
) -> Section:
  """Rollouts of ours and of a plain loop; the share of a step."""
  contenders = tuple(
    Contender(
      name,
      f"tools.benchmarks.rollouts:{make}",
      {"sizes": sizes, "group": group},
      units=units,
    )
    for name, make, units in (
      ("gr_jax", "make_rollouts", batches * sizes.batch * group),
      ("python loop", "make_loop", batches * sizes.batch * group),
      ("gr_jax step", "make_step", batches),
    )
  )
  title = (
    f"rollouts, {sizes.title}, history {sizes.history}, {sizes.batch} x "
    f"{group}, {sizes.ids:,} IDs (gr_jax step: a whole update)"
  )
  limits = (Limit("gr_jax step", "rollout_share", 0.5),)
  return Section(
    "rollouts", title, "rollout", "rollouts", contenders, (), limits
  )


class _World:
  """Model, catalogue and requests, of random numbers."""

  def __init__(self, sizes: Sizes, group: int):
    self.model, self.ids = sizes.model("bfloat16"), sizes.catalogue()
    prompt, queries = sizes.prompts()
    experts = np.random.default_rng(1).integers(
      sizes.ids, size=(sizes.batch, _EXPERTS), dtype=np.int32
    )
    self.prompts = PromptBatch(
      rows=np.arange(sizes.batch, dtype=np.int32),
      prompt=prompt,
      queries=queries,
      experts=experts,
      positives=experts[:, :0],
    )
    mesh = make_mesh(MeshConfig())
    trie = build_trie(self.ids, sizes.level_sizes)
    params = init_params(self.model, prompt, queries)
    # On the mesh, as in the loop: the first step compiles for all others.
    self.context = jax.device_put(
      AlignmentContext(params, {}, trie, self.ids), replicated(mesh)
    )
    self.params = self.context.reference
    self.rollout = make_rollout(
      self.model, sample=CONSTRAINED.sample, group_size=group, mesh=mesh
    )


def make_rollouts(*, units: int, sizes: Sizes, group: int) -> Run:
  """`units` rollouts, a batch of groups a call."""
  world = _World(sizes, group)
  calls = units // (sizes.batch * group)

  def run():
    for key in jax.random.split(jax.random.key(0), calls):
      found = world.rollout(world.params, world.context, world.prompts, key)
      jax.device_get(found.group.ids)
    return {}

  return run


def make_step(*, units: int, sizes: Sizes, group: int) -> Run:
  """`units` updates with their rollouts; rewards are random."""
  world = _World(sizes, group)
  optimizer = optax.adamw(1e-4)
  first = start_alignment(world.params, optimizer)
  state = jax.device_put(first, replicated(make_mesh(MeshConfig())))
  update = make_update(
    make_score(world.model, CONSTRAINED.score),
    optimizer,
    config=AlignmentConfig(),
    like=state,
  )
  rewards = np.random.default_rng(2).random(
    (sizes.batch, group + _EXPERTS), np.float32
  )

  def run():
    nonlocal state
    spent = np.zeros(2)
    for key in jax.random.split(jax.random.key(0), units):
      start = time.perf_counter()
      samples = world.rollout(
        state.old_params, world.context, world.prompts, key
      )
      jax.block_until_ready(samples)
      middle = time.perf_counter()
      state, metrics = update(state, world.context, samples, rewards)
      jax.block_until_ready(metrics)
      spent += middle - start, time.perf_counter() - middle
    return {"rollout_share": spent[0] / spent.sum()}

  return run


def make_loop(*, units: int, sizes: Sizes, group: int) -> Run:
  """The same draws with a dictionary trie and a loop over the walks."""
  world = _World(sizes, group)
  prefill = jax.jit(world.model.prefill)
  decode_step = jax.jit(world.model.decode_step, static_argnames="level")
  children = dictionary_trie(world.ids)
  rng = np.random.default_rng(3)
  batch = sizes.batch
  prompt = world.prompts.prompt, world.prompts.queries
  own = np.broadcast_to(np.arange(group, dtype=np.int32), (batch, group))

  def draw() -> np.ndarray:
    log_probs, cache = prefill(world.params, prompt)
    log_probs = np.repeat(np.asarray(log_probs)[:, None], group, axis=1)
    walks = [[() for _ in range(group)] for _ in range(batch)]
    for level in range(len(sizes.level_sizes)):
      if level:
        last = np.array([[w[-1] for w in row] for row in walks], np.int32)
        parents = own if level > 1 else np.zeros_like(own)
        log_probs, cache = decode_step(
          world.params, last, parents, cache, level=level
        )
        log_probs = np.asarray(log_probs)
      for b, row in enumerate(walks):
        for g, walk in enumerate(row):
          codes = children[walk]
          chosen = log_probs[b, g, codes] + rng.gumbel(size=len(codes))
          row[g] = (*walk, int(codes[np.argmax(chosen)]))
    return np.array(walks)

  def run():
    for _ in range(units // (batch * group)):
      draw()
    return {}

  return run
