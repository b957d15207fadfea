"""Trains a generator on the semantic IDs."""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from experiments.pipeline import sizes
from experiments.pipeline.base_model import described, find_base
from experiments.pipeline.candidate_fit import with_fitted_prior
from experiments.pipeline.embed import Vectors
from experiments.pipeline.first_state import frozen, with_pretrained
from experiments.pipeline.from_data import settled
from experiments.pipeline.held_out import (
  make_held_out,
  say_nothing_is_held_out,
)
from experiments.pipeline.network_share import with_best_shares
from experiments.pipeline.prepare import Data
from experiments.pipeline.target_known import target_known_shares
from experiments.pipeline.task import Task
from experiments.pipeline.tasks import task_of
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.untrained import Untrained, build_untrained
from experiments.pipeline.value_aware import value_config
from experiments.pipeline.value_rerank import with_best_rerank
from gr_jax.artefacts import (
  Artefact,
  build_resumable,
  finished,
  write_json,
)
from gr_jax.candidates.saved import CANDIDATES, save
from gr_jax.generators import placement
from gr_jax.generators.build import Network
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.generators.priors.transitions import TRANSITIONS
from gr_jax.generators.reading import AnyWriter
from gr_jax.generators.values import load_values
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.recipes import keys
from gr_jax.training.averaging import used_params
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state
from gr_jax.training.throughput import dense_flops, matmul_peak

# The file beside a generator that reads transitions: how often they know the
# target, in training and in validation.
TARGET_KNOWN = "target_known.json"

# The size of the data, and the sentence on what it led to.
SIZES = "sizes.json"


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
  """A trained generator and the writer of its prompts.

  Attributes:
    model: the network.
    params: everything that `model.apply` reads: the trained parameters and,
      where the recipe has them, the counts.
    writer: the writer of prompts of requests after the training period.
    artefact: the stage.
    training_writer: the writer of prompts of training requests; None = `writer`
      is right for them as well.
    learned: `[R]` bool, the training requests that are learned; None = all.
    mesh: the devices to search on; None = those that have the parameters.
  """

  model: Network
  params: Any
  writer: AnyWriter
  artefact: Artefact
  training_writer: AnyWriter | None = None
  learned: np.ndarray | None = None
  mesh: Mesh | None = None


def train(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  vectors: Vectors | None = None,
) -> TrainedGenerator:
  """The trained generator; training goes on where it was cut off.

  Requests of the training split are learned. The section has prompt, examples,
  model, optimizer, loop, mesh, and `precision` and `seed`; for the optional
  keys see `build_untrained`. What it leaves to the data is decided by `settled`
  and, where it is None, by its size (`sizes`).
  """
  config = settled(config, data.requests)
  base = find_base(config, workdir, data)
  config = described(config, base)
  size = sizes.size_of(data)
  config = sizes.filled(config, size)
  make_task = task_of(config)
  inputs = [data.artefact.fingerprint, tokenized.artefact.fingerprint]
  stage = "generator", keys.stored(config.to_dict()), inputs
  untrained = build_untrained(
    config,
    data,
    tokenized.semantic_ids,
    vectors,
    trained=finished(workdir, *stage),
    base=base,
  )
  model, writer = untrained.model, untrained.writer
  mesh = make_mesh(MeshConfig(**config.mesh))
  loop = LoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  placement.check_mesh(model, mesh)
  # Of several hosts, each searches by itself.
  searching = mesh if jax.process_count() == 1 else None
  counted = untrained.counts()
  counts = placement.place_counts(counted, mesh) | frozen(untrained, mesh)
  state = create_state(
    untrained.initializer(counts),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )

  def make(directory: pathlib.Path) -> None:
    if hosts.is_first():
      text = sizes.sentence(config, size)
      print(text, file=sys.stderr, flush=True)
      found = {"data": dataclasses.asdict(size), "sentence": text}
      write_json(directory / SIZES, found)
      untrained.vocabulary.save(directory / "vocabulary.json")
      if "transitions" in counts.get("counts", {}):
        # The logs that they were counted from are not there when it serves.
        counted["counts"]["transitions"].save(directory / TRANSITIONS)
      if writer.candidates is not None:
        save(writer.candidates, directory / CANDIDATES)
    task = make_task(untrained)
    loss = functools.partial(task.loss, model)
    step = make_step(
      loss,
      optimizer,
      like=state,
      seed=config.seed,
      micro_batches=loop.micro_batches,
      totals=task.totals,
    )
    held_out = None
    if loop.eval_every and task.held_out:
      held_out = make_held_out(
        task.loss, model, counts, task.held_out, mesh=mesh
      )
    elif loop.eval_every:
      say_nothing_is_held_out()
    first = with_fitted_prior(state, optimizer, untrained, directory)
    first = with_pretrained(first, optimizer, untrained, counts, mesh)
    with jax.set_mesh(mesh):
      trained = fit(
        jax.tree.map(jnp.copy, first),
        lambda state, batch: step(state, batch, counts),
        iter(task.batches),
        config=loop,
        directory=directory,
        mesh=mesh,
        speed=throughput(state.params, untrained, task, counts, mesh=mesh),
        held_out=held_out,
      )
    params = with_best_shares(
      used_params(trained), counts, untrained, directory, mesh=searching
    )
    save_params(directory, params)
    if "values" in counts:
      with_best_rerank(
        hosts.own_copy(params | counts),
        data.requests,
        model=model,
        writer=writer,
        semantic_ids=tokenized.semantic_ids,
        choices=value_config(config).rerank,
        seed=config.seed,
        directory=directory,
        mesh=searching,
      )
    if hosts.is_first() and "transitions" in counts.get("counts", {}):
      shares = target_known_shares(untrained, counts, task.batches)
      write_json(directory / TARGET_KNOWN, shares)

  artefact = build_resumable(workdir, *stage, make)
  trained = load_params(artefact.directory, state.params)
  counts |= load_values(artefact.directory)
  # Each host searches by itself, so each has all parameters.
  params = hosts.own_copy(trained | counts)
  return TrainedGenerator(
    model,
    params,
    writer,
    artefact,
    untrained.training_writer,
    untrained.learned,
    searching,
  )


def throughput(
  params: Any,
  untrained: Untrained,
  task: Task,
  counts: Any,
  *,
  mesh: Mesh,
) -> Callable[[float], dict[str, float]]:
  """A function from seconds per step to the speed of training.

  Examples and tokens a second, and the share of the machine's matmul peak.
  """
  model = untrained.model
  positions = task.prompts * (untrained.prompt_length + task.positions)
  devices = mesh.devices.size
  peak = matmul_peak(
    positions // devices,
    model.config.width,
    model.config.feed_forward,
    dot_general=model.dot_general,
  )
  flops = dense_flops(params, positions)
  if FROZEN in counts:
    # Of these there are no gradients.
    still = dense_flops({"params": counts[FROZEN]}, positions)
    flops += still * 2 / 3

  def figures(seconds: float) -> dict[str, float]:
    return {
      "train/examples_per_second": task.targets / seconds,
      "train/tokens_per_second": positions / seconds,
      "train/share_of_matmul_peak": flops / seconds / (peak * devices),
    }

  return figures
