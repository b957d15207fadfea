"""Rollouts and updates of the small world on any mesh."""

import functools

import jax
import numpy as np

from experiments.pipeline.task import future_events
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.parallel.mesh import parameter_shardings, put_batch, replicated
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
from tests.reference.sharded import OPTIMIZER, B, learned, parts
from tests.reference.small_world import semantic_ids, shop

G = 4


def prompts(name):
  """Prompts with an expert and a positive each."""
  rows, given = np.arange(100, 100 + B), parts(name)
  future = future_events(given)
  return PromptBatch(
    rows=rows.astype(np.int32),
    prompt=given.writer.prompts(rows, shown=np.ones(B, bool)),
    queries=given.writer.queries(shop().requests.query[rows]),
    experts=np.full((B, 1), 3, np.int32),
    positives=np.full((B, 1), 5, np.int32),
    left_out=future and future(rows),
  )


def alignment(mesh, losses, *, policy="constrained", name="decoder_only"):
  """A rollout, an update by each of some losses, and what goes into them."""
  model, (_, counts, params, _) = parts(name).model, learned(name)
  start = functools.partial(start_alignment, optimizer=OPTIMIZER)
  abstract = placement.abstract_params(model, counts)
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
  context = AlignmentContext(
    reference, placement.place_fixed(model, counts, mesh), *whole
  )
  rollout = make_rollout(
    model, sample=POLICIES[policy].sample, group_size=G, mesh=mesh
  )
  like = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
  )
  updates = {
    name: make_update(
      make_score(model, POLICIES[policy].score),
      OPTIMIZER,
      config=AlignmentConfig(
        build_loss(name), kl_coef=0.1, nll_coef=0.1, old_policy=OldPolicy(2)
      ),
      like=like,
    )
    for name in losses
  }
  return rollout, updates, state, context, put_batch(prompts(name), mesh)


def rewards(mesh, group):
  values = np.random.default_rng(0).random(group.ids.shape, np.float32)
  return put_batch(values, mesh)


def aligned(mesh, losses, **options):
  """The groups of a rollout, and state and metrics of an update by each loss.

  All updates are one program, which shares what they have in common.
  """
  rollout, updates, state, context, batch = alignment(mesh, losses, **options)

  @jax.jit
  def every(*inputs):
    return {name: update(*inputs) for name, update in updates.items()}

  with jax.set_mesh(mesh):
    samples = rollout(state.old_params, context, batch, jax.random.key(1))
    if not losses:
      return jax.device_get((samples.group, {}))
    found = every(state, context, samples, rewards(mesh, samples.group))
  return jax.device_get((samples.group, found))
