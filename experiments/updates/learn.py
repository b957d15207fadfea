"""Trains a generator on: new requests, and old ones among them.

Of a run that was aligned the aligned parameters are trained on, by the loss of
its generator, which lists are not. What the alignment was for is kept from
being forgotten by the verdict alone, which compares values as well: align the
run anew from time to time [OURS].
"""

import functools
import math
import pathlib
from typing import Any

import jax
import numpy as np

from experiments.pipeline.point_wise import point_wise_loss
from experiments.pipeline.value_aware import value_aware_loss, value_config
from experiments.updates.grown_log import RUN
from experiments.updates.parts import Parts, future_of
from experiments.updates.replay import replay_size, replayed_batches
from experiments.updates.settings import LEAST_STEPS, UpdateConfig
from experiments.updates.stages import link_files
from experiments.updates.switching import say
from gr_jax.artefacts import build_resumable
from gr_jax.data.requests import TRAIN
from gr_jax.generators import placement
from gr_jax.generators.build import initializer
from gr_jax.generators.training_examples.single import (
  ExamplesConfig,
  TargetGroups,
  draw_examples,
  group_targets,
)
from gr_jax.generators.training_examples.valued import with_values
from gr_jax.generators.values import VALUES, save_values
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.retrieval.load import Artefacts
from gr_jax.retrieval.load_manifests import ALIGNMENT
from gr_jax.training.averaging import used_params
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, LossFn, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state

# What a training leaves that its version writes anew or does not need.
_OWN = (
  "manifest.json",
  "started.json",
  "params",
  "checkpoints",
  "metrics.jsonl",
  "outcome.json",
  "tensorboard",
  "value_rerank.json",
  VALUES,
)
_WARMUP, _CHECKPOINTS, _ROWS = 0.1, 5, 20


def learn(
  parts: Parts,
  folder: pathlib.Path,
  config: UpdateConfig,
  *,
  inputs: list[str],
) -> Any:
  """The parameters after an update; training goes on where it was cut off.

  Args:
    parts: the generator and its log.
    folder: that of the version; gets the stage "generator".
    config: how to learn.
    inputs: fingerprints of everything that the stage is made from.

  Raises:
    ValueError: there is nothing new to learn.
    finite.NotFinite: a step gave a number that is not finite.
  """
  section, parent = parts.section, parts.parent
  examples = ExamplesConfig(**section.examples, seed=config.seed)
  groups, loss = _task(parts)
  turns = -(-np.diff(groups.offsets) // examples.targets)
  group = np.repeat(np.arange(len(groups)), turns)
  request = groups.request[groups.offsets[:-1]][group]
  new = group[parts.log.first_learned[request]]
  again = parts.log.learned_before[request]
  if parent.candidates is not None:
    # See `candidates`: what the run counted is not learned again.
    again &= parts.log.request_update[request] > RUN
  old = group[again]
  if not len(new):
    raise ValueError(
      "nothing new is left to learn: every new request is held out, or leads "
      "to no click or order. Collect more events, or lower --held_out."
    )
  if config.replay and not len(old):
    say(folder.name, nothing_replayed(candidates=parent.candidates is not None))
  if ALIGNMENT in parent.manifests:
    say(
      folder.name,
      "the aligned parameters are trained on by the loss of the generator; "
      "nothing is aligned anew.",
    )
  steps = config.steps or _steps(
    examples.batch_size, len(new), len(old), config
  )
  mesh = make_mesh(MeshConfig(**section.mesh))
  optimizer = make_optimizer(_optimizer(section.optimizer, config), steps)
  counts = placement.place_counts(parts.counts(whole=True), mesh)
  state = create_state(
    initializer(parts.model, counts),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )
  params = jax.tree.map(
    lambda old, new: jax.device_put(np.asarray(old), new.sharding),
    {name: parent.params[name] for name in state.params},
    state.params,
  )
  state = state.replace(params=params)
  batches = replayed_batches(
    functools.partial(
      draw_examples,
      groups,
      parts.writer,
      parts.semantic_ids.codes,
      parts.log.requests.query,
      config=examples,
      future=future_of(parts),
    ),
    new,
    old,
    batch_size=examples.batch_size,
    replay=config.replay,
    seed=config.seed,
  )
  loop = LoopConfig(
    steps=steps,
    log_every=max(1, steps // _ROWS),
    checkpoint_every=max(1, steps // _CHECKPOINTS),
  )

  def make(directory: pathlib.Path) -> None:
    link_parent(parent, directory)
    step = make_step(
      functools.partial(loss, parts.model),
      optimizer,
      like=state,
      seed=config.seed,
    )
    with jax.set_mesh(mesh):
      trained = fit(
        jax.tree.map(jax.numpy.copy, state),
        lambda state, batch: step(state, batch, counts),
        iter(batches),
        config=loop,
        directory=directory,
        mesh=mesh,
      )
    save_params(directory, used_params(trained))

  stored = parent.manifests["generator"]["section"]
  artefact = build_resumable(folder, "generator", stored, inputs, make)
  return hosts.own_copy(load_params(artefact.directory, state.params))


def nothing_replayed(*, candidates: bool) -> str:
  """Why no old request is among the new ones."""
  if not candidates:
    return "no old request is replayed: nothing was learned before."
  return (
    "no old request is replayed: this run's candidates have counted the "
    "answers of its own, and no update was before."
  )


def link_parent(parent: Artefacts, directory: pathlib.Path) -> None:
  """Gives a generator's folder all that training does not change.

  The values are those that the parent is served with, which an alignment may
  have chosen anew: the version is judged with them.
  """
  link_files(parent.directory / "generator", directory, but=_OWN)
  if "values" in parent.params:
    save_values(directory, {"values": jax.device_get(parent.params["values"])})


def _task(parts: Parts) -> tuple[TargetGroups, LossFn]:
  """All groups of targets that may be learned, and the loss of the run."""
  groups = group_targets(parts.log.requests, split=TRAIN)
  if parts.section.get("task", "point_wise") == "point_wise":
    return groups, point_wise_loss
  config = value_config(parts.section)
  return (
    with_values(groups, parts.log.requests, config=config.weights),
    functools.partial(value_aware_loss, config=config),
  )


def _optimizer(section, config: UpdateConfig) -> OptimizerConfig:
  """The run's own optimizer, climbing anew to a lower peak."""
  return OptimizerConfig(
    **section.to_dict()
    | {
      "learning_rate": section.learning_rate * config.learning_rate,
      "warmup_share": _WARMUP,
      "schedule": "cosine",
      "average": 0.0,
    }
  )


def _steps(batch_size: int, new: int, old: int, config: UpdateConfig) -> int:
  fresh = batch_size - replay_size(batch_size, config.replay, old=old)
  return max(LEAST_STEPS, math.ceil(config.passes * new / fresh))
