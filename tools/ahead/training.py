"""The programs of training: a step of it, and the two of an alignment step."""

import dataclasses
import functools

import jax
import numpy as np
from jax.sharding import Mesh

from experiments.pipeline.align import objective
from gr_jax.data.requests import TRAIN
from gr_jax.parallel.mesh import batch_parts, batch_sharding, replicated
from gr_jax.rl.experts import EXPERTS
from gr_jax.rl.policies import (
  POLICIES,
  AlignmentContext,
  make_rollout,
  make_score,
)
from gr_jax.rl.prompts import (
  PromptBatchConfig,
  clicked_requests,
  prompt_batches,
)
from gr_jax.rl.update import make_update, start_alignment
from gr_jax.training.loop import make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import abstract_state
from tools.ahead.program import (
  Program,
  fixed,
  forward_flops,
  passes,
  placed,
  prompt_length,
  query_length,
  shapes,
)
from tools.ahead.shop import Parts


def train(given: Parts, mesh: Mesh) -> Program:
  """A training step."""
  section, task = given.untrained.section, given.task
  optimizer = make_optimizer(OptimizerConfig(**section.optimizer), 1000)
  init = given.untrained.initializer(given.counts)
  state = abstract_state(init, optimizer, mesh=mesh)
  step = make_step(
    functools.partial(task.loss, given.untrained.model),
    optimizer,
    like=state,
    micro_batches=_parts_of(
      section.loop.get("micro_batches", 1), section.examples.batch_size, mesh
    ),
    totals=task.totals,
  )
  batch = shapes(next(iter(task.batches)), batch_sharding(mesh))
  traced = step.trace(state, batch, fixed(given, mesh))
  positions = task.prompts * (prompt_length(given) + task.positions)
  flops = passes(given) * forward_flops(given, positions)
  return Program(traced, positions, "tokens", flops)


def _alignment(given: Parts, mesh: Mesh):
  """The parts of an alignment step, as `experiments.pipeline` has them."""
  config, untrained = given.config.align, given.untrained
  policy = POLICIES[config.policy]
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), 1000)
  start = functools.partial(start_alignment, optimizer=optimizer)
  state = placed(jax.eval_shape(start, given.params), mesh)
  whole = replicated(mesh)
  context = AlignmentContext(
    placed(given.params, mesh),
    fixed(given, mesh),
    *shapes((given.trie, given.ids.ids), whole),
  )
  requests = untrained.data.requests
  batches = prompt_batches(
    requests,
    clicked_requests(requests, split=TRAIN),
    untrained.training_writer,
    given.ids,
    config=PromptBatchConfig(**config.prompts, seed=config.seed),
  )
  batch = shapes(next(iter(batches)), batch_sharding(mesh))
  draw = make_rollout(
    untrained.model,
    sample=policy.sample,
    add_experts=EXPERTS[config.experts],
    group_size=config.group_size,
    mesh=mesh,
  )
  aim = objective(config)
  parts = _parts_of(aim.parts, config.prompts.batch_size, mesh)
  learn = make_update(
    make_score(untrained.model, policy.score),
    optimizer,
    config=dataclasses.replace(aim, parts=parts),
    like=state,
  )
  return draw, learn, state, context, batch


def rollout(given: Parts, mesh: Mesh) -> Program:
  """The groups of an alignment step."""
  draw, _, state, context, batch = _alignment(given, mesh)
  traced = draw.trace(state.old_params, context, batch, _key(mesh))
  prompts, groups = len(batch.rows), given.config.align.group_size
  before = prompt_length(given) + query_length(given)
  branch = len(given.ids.level_sizes) - 1
  positions = prompts * (before + groups * branch)
  return Program(traced, prompts, "groups", forward_flops(given, positions))


def update(given: Parts, mesh: Mesh) -> Program:
  """The update of an alignment step."""
  draw, learn, state, context, batch = _alignment(given, mesh)
  samples = jax.eval_shape(draw, state.old_params, context, batch, _key(mesh))
  samples = shapes(samples, batch_sharding(mesh))
  ids = samples.group.ids
  rewards = jax.ShapeDtypeStruct(
    ids.shape, np.float32, sharding=batch_sharding(mesh)
  )
  traced = learn.trace(state, context, samples, rewards)
  prompts, group = ids.shape
  branches = group + samples.positives.shape[1]
  # What asks for an ID is one token where it is no text.
  branch = (query_length(given) or 1) + len(given.ids.level_sizes) - 1
  positions = prompts * (prompt_length(given) + branches * branch)
  aim = objective(given.config.align)
  # The policy's scores and their gradient, and those of others that it needs.
  others = bool(aim.kl_coef) + (not aim.old_policy.is_present)
  flops = (passes(given) + others) * forward_flops(given, positions)
  return Program(traced, positions, "tokens", flops)


def _parts_of(wanted: int, rows: int, mesh: Mesh) -> int:
  """The parts of a batch, so that every device has a row of each."""
  return max(1, min(wanted, rows // batch_parts(mesh)))


def _key(mesh: Mesh):
  key = jax.eval_shape(jax.random.key, 0)
  return jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=replicated(mesh))
