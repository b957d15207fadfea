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
from flax import linen as nn

from gr_jax.decoding.trie import build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig
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
from tools.benchmarks.contender import (
  LIBRARY_START,
  Contender,
  Limit,
  Run,
  Section,
)
from tools.benchmarks.trie import random_ids

SIZES = {
  "ids": 68_000,
  "level_sizes": [256, 256, 256, 32],
  "history": 64,
  "vocabulary": 5000,
  "group": 8,
  "batch": 64,
  "layers": 3,
  "width": 192,
  "heads": 3,
  "feed_forward": 512,
}
_EXPERTS = 2


def section(*, sizes=SIZES, batches: int = 3) -> Section:
  """Rollouts of ours and of a plain loop; the share of a step."""
  here = "tools.benchmarks.rollouts"
  drawn = batches * sizes["batch"] * sizes["group"]
  ours, loop, step = (
    Contender(name, f"{here}:{make}", sizes, units=units, setup=LIBRARY_START)
    for name, make, units in (
      ("gr_jax", "make_rollouts", drawn),
      ("python loop", "make_loop", drawn),
      ("gr_jax step", "make_step", batches),
    )
  )
  title = (
    f"rollouts, {sizes['layers']} layers of {sizes['width']}, history "
    f"{sizes['history']}, {sizes['batch']} x {sizes['group']}, "
    f"{sizes['ids']:,} IDs (gr_jax step: a whole update)"
  )
  return Section(
    "rollouts",
    title,
    "rollout",
    "rollouts",
    (ours, loop, step),
    (),
    (Limit("gr_jax step", "rollout_share", 0.5),),
  )


class _World:
  """Model, catalogue and requests, of random numbers."""

  def __init__(self, sizes: dict):
    self.levels = tuple(sizes["level_sizes"])
    config = TransformerConfig(
      layers=sizes["layers"],
      width=sizes["width"],
      heads=sizes["heads"],
      kv_heads=1,
      head_size=sizes["width"] // sizes["heads"],
      feed_forward=sizes["feed_forward"],
    )
    self.model = DecoderOnly(
      config, sizes["vocabulary"], self.levels, dot_general=bf16_dot_general
    )
    self.ids = random_ids(sizes["ids"], list(self.levels), seed=0)
    self.prompts = _requests(sizes)
    queries, codes = self.prompts.queries[:1, None], self.ids[:1, None]
    first = jax.tree.map(lambda x: x[:1], self.prompts.prompt)
    made = jax.jit(self.model.init)(jax.random.key(0), first, queries, codes)
    mesh = make_mesh(MeshConfig())
    trie = build_trie(self.ids, self.levels)
    # On the mesh, as in the loop: the first step compiles for all others.
    self.context = jax.device_put(
      AlignmentContext(nn.unbox(made), {}, trie, self.ids), replicated(mesh)
    )
    self.params = self.context.reference
    self.rollout = make_rollout(
      self.model,
      sample=CONSTRAINED.sample,
      group_size=sizes["group"],
      mesh=mesh,
    )


def _requests(sizes: dict) -> PromptBatch:
  rng = np.random.default_rng(1)
  rows = sizes["batch"]

  def tokens(*shape):
    return rng.integers(sizes["vocabulary"], size=shape, dtype=np.int32)

  history = sizes["history"]
  experts = rng.integers(sizes["ids"], size=(rows, _EXPERTS), dtype=np.int32)
  return PromptBatch(
    rows=np.arange(rows, dtype=np.int32),
    prompt=Prompt(
      tokens(rows, 1, 4),
      tokens(rows, history, 6),
      np.ones((rows, 1 + history), bool),
    ),
    queries=tokens(rows, 8),
    experts=experts,
    positives=experts[:, :0],
  )


def make_rollouts(*, units, **sizes) -> Run:
  """`units` rollouts, a batch of groups a call."""
  world = _World(sizes)
  keys = jax.random.split(
    jax.random.key(0), units // (sizes["batch"] * sizes["group"])
  )

  def run():
    for key in keys:
      found = world.rollout(world.params, world.context, world.prompts, key)
      jax.device_get(found.group.ids)
    return {}

  return run


def make_step(*, units, **sizes) -> Run:
  """`units` updates with their rollouts; rewards are random."""
  world = _World(sizes)
  optimizer = optax.adamw(1e-4)
  mesh = make_mesh(MeshConfig())
  first = start_alignment(world.params, optimizer)
  state = [jax.device_put(first, replicated(mesh))]
  update = make_update(
    make_score(world.model, CONSTRAINED.score),
    optimizer,
    config=AlignmentConfig(),
    like=state[0],
  )
  rewards = np.random.default_rng(2).random(
    (sizes["batch"], sizes["group"] + _EXPERTS), np.float32
  )

  def run():
    spent = np.zeros(2)
    for key in jax.random.split(jax.random.key(0), units):
      start = time.perf_counter()
      samples = world.rollout(
        state[0].old_params, world.context, world.prompts, key
      )
      jax.block_until_ready(samples)
      middle = time.perf_counter()
      state[0], metrics = update(state[0], world.context, samples, rewards)
      jax.block_until_ready(metrics)
      spent += middle - start, time.perf_counter() - middle
    return {"rollout_share": spent[0] / spent.sum()}

  return run


def make_loop(*, units, **sizes) -> Run:
  """The same draws with a dictionary trie and a loop over the walks."""
  world = _World(sizes)
  prefill = jax.jit(world.model.prefill)
  decode_step = jax.jit(world.model.decode_step, static_argnames="level")
  children = _dictionary_trie(world.ids)
  rng = np.random.default_rng(3)
  batch, group = sizes["batch"], sizes["group"]
  prompt = world.prompts.prompt, world.prompts.queries
  own = np.broadcast_to(np.arange(group, dtype=np.int32), (batch, group))

  def draw() -> np.ndarray:
    log_probs, cache = prefill(world.params, prompt)
    log_probs = np.repeat(np.asarray(log_probs)[:, None], group, axis=1)
    walks = [[() for _ in range(group)] for _ in range(batch)]
    for level in range(len(world.levels)):
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


def _dictionary_trie(ids: np.ndarray) -> dict[tuple, np.ndarray]:
  """From every prefix to the codes that follow it."""
  found: dict[tuple, list[int]] = {}
  for row in ids.tolist():
    for level, code in enumerate(row):
      following = found.setdefault(tuple(row[:level]), [])
      if not following or following[-1] != code:
        following.append(code)
  return {prefix: np.array(codes) for prefix, codes in found.items()}
