"""The loops that `restored_run` makes in its processes."""

import contextlib
import functools
import pathlib
import zlib

import jax
import numpy as np

from experiments.pipeline.tasks import task_of
from gr_jax.data.requests import TRAIN
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import (
  MeshConfig,
  make_mesh,
  parameter_shardings,
  replicated,
)
from gr_jax.rl import loop as alignment
from gr_jax.rl import policies, prompts
from gr_jax.rl.losses.build import build_loss
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.update import make_update, start_alignment
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state
from tests.reference.restored_run import SAVED, STEPS, Run
from tests.reference.sharded import OPTIMIZER, B, learned, parts
from tests.reference.small_world import semantic_ids, shop

_OLD_POLICY = OldPolicy(2)


def make(run: Run) -> int:
  """Makes a run and gives the sum of its parameters."""
  devices = [jax.devices()[place] for place in run.devices] or None
  mesh = make_mesh(MeshConfig(**run.mesh), devices)
  with jax.set_mesh(mesh) if run.inside else contextlib.nullcontext():
    params = (_align if run.aligns else _train)(run, mesh).params
    if run.params:
      found = load_params(pathlib.Path(run.params), params)
      places = jax.tree.map(lambda x: x.sharding, (found, params))
      assert places[0] == places[1]
      params = found
    else:
      save_params(pathlib.Path(run.directory), params)
    return _sum(params)


def _train(run: Run, mesh):
  given = parts()
  task, counts = task_of(given.section)(given), given.counts()
  optimizer = make_optimizer(OptimizerConfig(), STEPS)
  state = create_state(
    given.initializer(counts), optimizer, jax.random.key(0), mesh=mesh
  )
  loss = functools.partial(task.loss, given.model)
  step = make_step(loss, optimizer, like=state)
  counts = placement.place_counts(counts, mesh)
  return fit(
    state,
    lambda state, batch: step(state, batch, counts),
    iter(task.batches),
    config=LoopConfig(steps=STEPS, log_every=1, checkpoint_every=SAVED),
    directory=pathlib.Path(run.directory),
    mesh=mesh,
  )


def _align(run: Run, mesh):
  model, policy = parts().model, policies.POLICIES["constrained"]
  state, context, update = _alignment(mesh)
  batches = prompts.prompt_batches(
    shop().requests,
    prompts.clicked_requests(shop().requests, split=TRAIN),
    parts().writer,
    semantic_ids(),
    config=prompts.PromptBatchConfig(batch_size=B, positives=1),
  )
  steps = alignment.AlignmentSteps(
    rollout=policies.make_rollout(
      model, sample=policy.sample, group_size=4, mesh=mesh
    ),
    reward=policies.reward_samples(_reward, mesh),
    update=update,
    validate=lambda params: {},
    keeps_old=_OLD_POLICY.keeps,
  )
  return alignment.fit(
    state,
    context,
    iter(batches),
    steps,
    config=alignment.AlignmentLoopConfig(
      steps=STEPS, log_every=1, eval_every=STEPS, checkpoint_every=SAVED
    ),
    key=jax.random.key(1),
    directory=pathlib.Path(run.directory),
    mesh=mesh,
  )


def _alignment(mesh):
  """State, context and update, where the rules put them."""
  model, params = parts().model, learned("decoder_only")[2]
  begin = functools.partial(start_alignment, optimizer=OPTIMIZER)
  abstract = placement.abstract_params(model, {})
  places = parameter_shardings(jax.eval_shape(begin, abstract), mesh)
  state = jax.jit(begin, out_shardings=places)(params)
  ids = semantic_ids()
  whole = jax.device_put(
    (build_trie(ids.ids, ids.level_sizes), ids.ids), replicated(mesh)
  )
  reference = jax.device_put(params, places.params)
  context = policies.AlignmentContext(reference, {}, *whole)
  policy = policies.POLICIES["constrained"]
  config = AlignmentConfig(
    build_loss("grpo"), kl_coef=0.1, nll_coef=0.1, old_policy=_OLD_POLICY
  )
  score = policies.make_score(model, policy.score)
  made = make_update(score, OPTIMIZER, config=config, like=state)
  return state, context, made


def _reward(requests: np.ndarray, ids: np.ndarray) -> np.ndarray:
  """Differs from request to request: rows that change places are seen."""
  return (requests[:, None] * 7 + ids * 13) % 11 / 11


def _sum(params) -> int:
  total = 0
  for leaf in jax.tree.leaves(hosts.own_copy(params)):
    total = zlib.crc32(np.ascontiguousarray(leaf), total)
  return total
