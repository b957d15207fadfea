"""Aligns a trained generator with rewards: rollouts, rewards, updates."""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.artefacts import build_resumable
from gr_jax.data import request_lists
from gr_jax.data.requests import TRAIN, VALID, Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.rl.experts import replace_with_experts
from gr_jax.rl.loop import AlignmentLoopConfig, Procedure, fit
from gr_jax.rl.objective_config import AlignmentConfig
from gr_jax.rl.policies import CONSTRAINED, Policy
from gr_jax.rl.prompts import (
  PromptBatchConfig,
  clicked_requests,
  prompt_batches,
)
from gr_jax.rl.rewards.page import IdReward
from gr_jax.rl.rollout import Inject, make_rollout
from gr_jax.rl.state import Unchanged, split_variables, start_alignment
from gr_jax.rl.update import make_update
from gr_jax.rl.validation_hits import (
  ValidationHits,
  ValidationRequests,
  make_validation_hits,
)
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

FOLDER = "alignment"


def align(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  generator: Generator,
  *,
  reward: IdReward,
  objective: AlignmentConfig,
  policy: Policy = CONSTRAINED,
  inject: Inject = replace_with_experts,
  inputs: Sequence[str] = (),
) -> Generator:
  """The generator with aligned parameters; goes on where it was cut off.

  Only `generator.params["params"]` is trained; counts stay what was counted.

  Args:
    config: sections asked, optimizer, loop, validation, mesh, and `group_size`
      and `seed`. All of it goes into the fingerprint: what `reward` and
      `objective` are made of should stand there as well.
    workdir: of the run; the artefact is its folder `alignment`.
    data: requests of the training split are asked, of the validation split
      some are held out to watch.
    tokenized: the IDs.
    generator: where the policy starts, and the reference.
    reward: of request rows `[B]` and ID rows `[B, G]`, -1 = names nothing.
    objective: what an update minimises.
    policy: what is aligned, by default the policy in the catalogue.
    inject: how experts join the group.
    inputs: fingerprints of further artefacts that `reward` was made from.
  """
  mesh = make_mesh(MeshConfig(**config.mesh))
  loop = AlignmentLoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  params, counts = split_variables(generator.params)
  params, counts = _on_mesh(params, mesh), _on_mesh(counts, mesh)
  state = _on_mesh(start_alignment(params, optimizer), mesh)

  def make(directory: pathlib.Path) -> None:
    ids, requests = tokenized.semantic_ids, data.requests
    trie = build_trie(ids.ids, ids.level_sizes)
    asked = PromptBatchConfig(**config.asked, seed=config.seed)
    batches = prompt_batches(
      requests,
      clicked_requests(requests, split=TRAIN),
      generator.writer,
      ids,
      config=asked,
    )
    procedure = Procedure(
      rollout=make_rollout(
        generator.model,
        sample=policy.sample,
        inject=inject,
        group_size=config.group_size,
        mesh=mesh,
      ),
      reward=reward,
      update=make_update(
        generator.model, policy.score, optimizer, config=objective, like=state
      ),
      validation=_held_out(config.validation, requests, generator, ids),
      keeps_old=objective.old_policy.keeps,
    )
    unchanged = Unchanged(
      params,
      counts,
      *jax.device_put((trie, ids.ids), replicated(mesh)),
    )
    with jax.set_mesh(mesh):
      fit(
        jax.tree.map(jnp.copy, state),
        unchanged,
        iter(batches),
        procedure,
        config=loop,
        key=jax.random.key(config.seed),
        directory=directory,
        mesh=mesh,
      )

  artefact = build_resumable(
    workdir,
    FOLDER,
    config.to_dict(),
    [
      data.artefact.fingerprint,
      tokenized.artefact.fingerprint,
      generator.artefact.fingerprint,
      *inputs,
    ],
    make,
  )
  checkpoints = Checkpoints(artefact.directory / "checkpoints")
  trained = checkpoints.restore_state(checkpoints.latest, state)
  checkpoints.close()
  # Each host searches by itself, so each has all parameters.
  variables = hosts.own_copy(trained.params | counts)
  return Generator(generator.model, variables, generator.writer, artefact)


def _on_mesh(tree: Any, mesh: Mesh) -> Any:
  """Arrays that lie on the mesh stay; all others are replicated."""

  def place(x):
    sharding = getattr(x, "sharding", None)
    if isinstance(sharding, NamedSharding) and sharding.mesh == mesh:
      return x
    return jax.device_put(x, replicated(mesh))

  return jax.tree.map(place, tree)


def validation_requests(
  requests: Requests,
  writer: PromptWriter,
  semantic_ids: SemanticIds,
  *,
  split: int,
  count: int,
  seed: int,
) -> ValidationRequests:
  """Up to `count` requests of a split that led to a click, drawn by `seed`.

  Raises:
    ValueError: there is none.
  """
  rows = clicked_requests(requests, split=split)
  rows = np.random.default_rng(seed).permutation(rows)[:count]
  targets = request_lists.targets(requests, rows)
  return ValidationRequests(
    prompt=writer.prompts(rows, shown=np.ones(len(rows), bool)),
    queries=writer.queries(requests.query[rows]),
    targets=RowLists(targets.offsets, semantic_ids.id_of_item[targets.rows]),
  )


def _held_out(
  config: ConfigDict,
  requests: Requests,
  generator: Generator,
  semantic_ids: SemanticIds,
) -> ValidationHits:
  """Hit rates on requests of the validation period; each host asks all."""
  asked = validation_requests(
    requests,
    generator.writer,
    semantic_ids,
    split=VALID,
    count=config.requests,
    seed=config.seed,
  )
  measure = make_validation_hits(
    generator.model,
    build_trie(semantic_ids.ids, semantic_ids.level_sizes),
    asked,
    batch_size=config.batch_size,
  )
  return lambda variables: measure(hosts.own_copy(variables))
