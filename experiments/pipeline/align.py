"""Aligns a trained generator with rewards: rollouts, rewards, updates."""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable, Sequence

import grain
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from experiments.pipeline.alignment_choice import choose_params, read_choice
from experiments.pipeline.explore import (
  exploration,
  explorer,
  explorer_sample,
)
from experiments.pipeline.network_share import with_shares
from experiments.pipeline.stages import Stages
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.value_rerank import choices_of, with_best_rerank
from gr_jax.artefacts import build_resumable
from gr_jax.choices import choose
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.generators.priors.left_out import FutureEvents
from gr_jax.generators.values import load_values
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import (
  MeshConfig,
  make_mesh,
  parameter_shardings,
  replicated,
)
from gr_jax.recipes import keys
from gr_jax.rl.experts import EXPERTS
from gr_jax.rl.loop import AlignmentLoopConfig, AlignmentSteps, fit
from gr_jax.rl.objective import AlignmentConfig, alignment_config
from gr_jax.rl.policies import (
  POLICIES,
  AlignmentContext,
  make_rollout,
  make_score,
  reward_samples,
  split_variables,
)
from gr_jax.rl.prompts import (
  PromptBatchConfig,
  clicked_requests,
  prompt_batches,
)
from gr_jax.rl.rewards.checked import BadReward
from gr_jax.rl.rewards.items import IdReward
from gr_jax.rl.update import make_update, start_alignment
from gr_jax.rl.validation_hits import make_validation_hits, validation_requests
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

FOLDER = "alignment"


def objective(config: ConfigDict) -> AlignmentConfig:
  """The objective of section align, all of whose choices exist.

  Raises:
    ValueError: a name that does not exist, an option that the loss does not
      have, more experts than places, a batch that has no such parts, or what
      `explore.exploration` refuses.
  """
  choose("align.policy", config.policy, POLICIES)
  choose("align.experts", config.experts, EXPERTS)
  exploration(config)
  experts = config.prompts.clicked + config.prompts.exposed
  if config.experts == "replace" and experts > config.group_size:
    raise ValueError(
      f"align.prompts has {experts} experts (clicked + exposed) for a group of "
      f"{config.group_size}: lower them, raise align.group_size, or set "
      "align.experts to append."
    )
  parts = config.get("parts", 1)
  if config.prompts.batch_size % parts:
    raise ValueError(
      f"align.prompts.batch_size is {config.prompts.batch_size}, no multiple "
      f"of align.parts ({parts})."
    )
  return alignment_config(config.to_dict())


def align(
  config: ConfigDict,
  stages: Stages,
  *,
  reward: IdReward,
  inputs: Sequence[str] = (),
  change: Callable[[AlignmentConfig], AlignmentConfig] = lambda aim: aim,
) -> TrainedGenerator:
  """The generator with aligned parameters; goes on where it was cut off.

  Only `generator.params["params"]` is trained; counts stay as they are. Of a
  generator that reads candidates all of the network is used meanwhile. With
  `validation.keep_better` the generator stays as it was where validation
  requests find no more afterwards (`alignment_choice`).

  Args:
    config: sections prompts, optimizer, loop, validation, mesh; `policy` of
      `rl/policies.py`, `experts`, "append" or "replace", `group_size` and
      `seed`; and the objective, see `alignment_config`. All of it goes into the
      fingerprint: the options of `reward` should stand there as well.
    stages: the generator is the policy at its start, and the reference;
      requests of the training split are the prompts, some of the validation
      split are searched while it runs.
    reward: a function of request rows `[B]` and ID rows `[B, G]`, -1 = names
      nothing.
    inputs: fingerprints of further artefacts that `reward` was made from.
    change: gives the objective that is used in place of the config's; the
      config's `name` should then be another.

  Raises:
    BadReward: `reward` gives a number that is not finite; the message names
      the request, the item and the value.
  """
  generator = stages.generator
  aim, explores = change(objective(config)), exploration(config)
  policy = POLICIES[config.policy]
  mesh = make_mesh(MeshConfig(**config.mesh))
  loop = AlignmentLoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  params, counts = split_variables(generator.params)
  params = with_shares(params, {})
  placement.check_mesh(generator.model, mesh)
  counts = placement.place_fixed(generator.model, counts, mesh)
  abstract = placement.abstract_params(generator.model, counts)
  params = jax.device_put(params, parameter_shardings(abstract, mesh))
  start = functools.partial(start_alignment, optimizer=optimizer)
  places = parameter_shardings(jax.eval_shape(start, abstract), mesh)
  state = jax.jit(start, out_shardings=places)(params)
  explored_by = explorer(config, params)

  def make(directory: pathlib.Path) -> None:
    ids, requests = stages.tokenized.semantic_ids, stages.data.requests
    trie = build_trie(ids.ids, ids.level_sizes)
    batches = training_prompts(config, stages)
    searched = validation_requests(
      requests,
      generator.writer,
      ids,
      split=VALID,
      count=config.validation.requests,
      seed=config.validation.seed,
    )
    hits = make_validation_hits(
      generator.model,
      trie,
      searched,
      batch_size=config.validation.batch_size,
      mesh=mesh if jax.process_count() == 1 else None,
    )
    steps = AlignmentSteps(
      rollout=make_rollout(
        generator.model,
        sample=explorer_sample(config, policy.sample),
        add_experts=EXPERTS[config.experts],
        group_size=explores.candidates if explores else config.group_size,
        mesh=mesh,
        explorer=explored_by,
      ),
      reward=reward_samples(reward, mesh),
      update=make_update(
        make_score(generator.model, policy.score),
        optimizer,
        config=aim,
        like=state,
        explore=explores,
      ),
      # Each host searches a part of the requests, and has all parameters.
      validate=lambda params: hits(hosts.own_copy(params | counts)),
      keeps_old=aim.old_policy.keeps,
    )
    context = AlignmentContext(
      params, counts, *jax.device_put((trie, ids.ids), replicated(mesh))
    )
    try:
      with jax.set_mesh(mesh):
        last = fit(
          jax.tree.map(jnp.copy, state),
          context,
          iter(batches),
          steps,
          config=loop,
          key=jax.random.key(config.seed),
          directory=directory,
          mesh=mesh,
        )
    except BadReward as error:
      error.name_rows(requests, stages.data.catalogue, ids)
      raise
    chosen = choose_params(config.validation, stages, last.params, directory)
    save_params(directory, chosen)
    if "values" in counts:
      # Another policy, another share of values beside it.
      with_best_rerank(
        hosts.own_copy(chosen | counts),
        requests,
        model=generator.model,
        writer=generator.writer,
        semantic_ids=ids,
        choices=choices_of(generator.artefact.directory),
        seed=config.validation.seed,
        directory=directory,
        mesh=mesh if jax.process_count() == 1 else None,
      )

  earlier = (stages.data, stages.tokenized, generator)
  inputs = [*(stage.artefact.fingerprint for stage in earlier), *inputs]
  artefact = build_resumable(
    stages.workdir, FOLDER, keys.stored(config.to_dict()), inputs, make
  )
  sentence = read_choice(artefact.directory)["kept_before"]
  if sentence and hosts.is_first():
    print(sentence, file=sys.stderr, flush=True)
  trained = load_params(artefact.directory, state.params)
  counts |= load_values(artefact.directory)
  # Each host searches by itself, so each has all parameters.
  variables = hosts.own_copy(trained | counts)
  return dataclasses.replace(generator, params=variables, artefact=artefact)


def training_prompts(config: ConfigDict, stages: Stages) -> grain.IterDataset:
  """Batches of the training requests that led to a click or an order.

  Where the generator reads counts, the rows carry what they leave out of them:
  a request is part of the log that was counted, and so is what earns rewards.
  Where it reads candidates, the requests are those that it learned, with the
  candidates that it learned from.
  """
  requests, ids = stages.data.requests, stages.tokenized.semantic_ids
  generator = stages.generator
  rows = clicked_requests(requests, split=TRAIN)
  if generator.learned is not None:
    rows = rows[generator.learned[rows]]
  counts = generator.params.get("counts")
  future = None
  if counts:
    window = counts["transitions"].window if "transitions" in counts else 0
    future = FutureEvents.of_training(requests, ids.id_of_item, window=window)
  return prompt_batches(
    requests,
    rows,
    generator.training_writer or generator.writer,
    ids,
    config=PromptBatchConfig(**config.prompts, seed=config.seed),
    future=future,
  )
