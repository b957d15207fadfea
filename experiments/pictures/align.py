"""Aligns a flow model with a reward: Sol-RL, and what it is compared with.

Section align chooses the arm by what explores:

  explore.candidates 0                   the group is drawn and learned
  candidates 96, weights "", steps as    naive scaling: the best and the worst
    `steps`, keep_pictures               of many dear pictures
  candidates 96, weights "nvfp4",        the cheap pictures themselves are
    keep_pictures                        learned
  candidates 96, weights "nvfp4"         Sol-RL: their seeds alone are kept

and `objective` what is learned of it: `experiments/pictures/objective.py`.
"""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.adapter import trained_part
from experiments.pictures.flow import TrainedFlow
from experiments.pictures.measure import Pictures, judged
from experiments.pictures.objective import objective_of
from experiments.pictures.rewards import ChosenReward, guard_of
from experiments.pipeline.explore import PRODUCTS, exploration
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.choices import choose
from gr_jax.data.batches import numbered_batches
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.diffusion.generation import GenerationConfig
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.quantization.interceptor import multiplied_by
from gr_jax.quantization.policy import Policy, quantize_params
from gr_jax.recipes import keys
from gr_jax.retrieval.weights import WEIGHTS
from gr_jax.rl.explore import ExplorerParams
from gr_jax.rl.loop import AlignmentLoopConfig, AlignmentSteps, fit
from gr_jax.rl.pictures.context import FlowContext
from gr_jax.rl.pictures.rollouts import (
  PictureRollout,
  make_rollout,
  make_two_stage_rollout,
  reward_samples,
  rewards_of,
)
from gr_jax.rl.pictures.samples import (
  Generate,
  PictureBatch,
  PictureReward,
)
from gr_jax.rl.update import start_alignment
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

FOLDER = "alignment"

# What is small or decides the rest stays in sixteen bits, as in Sol-RL's SANA,
# in every arrangement: 4 kernels of the default network explore in four bits,
# by FLUX's own list (`skip_lists.published_policy`) it would be 13.
POLICY = Policy(
  min_dim=64,
  skip=(
    "text", "time", "pooled", "patches", "out", "*modulation*", "*embed*",
    "*norm*", "lora_*", "table*",
  ),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class AlignedFlow:
  """A flow model's parameters after alignment."""

  params: Any
  artefact: Artefact


def explorer(section: ConfigDict, flow: TrainedFlow) -> tuple[Any, Generate]:
  """From the old parameters to those that explore, and their sampler."""
  explore = section.explore
  config = GenerationConfig(steps=explore.steps or section.steps)
  draw = flow.generate(config)
  if not explore.weights:
    return None, draw
  mode = choose("align.explore.weights", explore.weights, WEIGHTS)
  quantize = jax.jit(
    functools.partial(quantize_params, policy=POLICY, mode=mode)
  )
  return quantize, jax.jit(multiplied_by(PRODUCTS[explore.products], draw))


def rollout_of(
  section: ConfigDict,
  flow: TrainedFlow,
  reward: PictureReward,
  whole: ExplorerParams | None = None,
) -> PictureRollout:
  """The rollout of an arm that learns pictures; `whole` as in `Trained`."""
  generate = flow.generate(GenerationConfig(steps=section.steps))
  explores = exploration(section)
  if explores is None:
    return make_rollout(
      generate, group_size=section.group_size, whole=whole, rows=section.rows
    )
  quantize, explore = explorer(section, flow)
  return make_two_stage_rollout(
    explore,
    None if section.explore.keep_pictures else generate,
    reward,
    exploration=explores,
    explorer=quantize,
    whole=whole,
    rows=section.rows,
  )


def passes(section: ConfigDict, *, cheap: float = 0.25) -> dict[str, float]:
  """Passes of the network in sixteen bits that a prompt of an update costs.

  The model of cost: a pass in four bits is `cheap` of one (Sol-RL's on
  Blackwell; here four bits are emulated and nothing is faster). What learning
  costs is of the objective.
  """
  explore, group = section.explore, section.group_size
  steps = explore.steps or section.steps
  weight = cheap if explore.weights else 1.0
  found = {"explore": explore.candidates * steps * weight, "draw": 0.0}
  if not (explore.candidates and explore.keep_pictures):
    found["draw"] = float(group * section.steps)
  found["update"] = objective_of(section).passes
  return found | {"all": sum(found.values())}


def align_flow(
  config: ConfigDict,
  workdir: pathlib.Path,
  flow: TrainedFlow,
  chosen: ChosenReward,
) -> AlignedFlow:
  """The aligned parameters; goes on where it was cut off.

  A guard that ends it leaves the parameters of the best gold reward, and the
  reason in the folder (`rl.guard.read_stop`).

  Args:
    config: section align.
    workdir: gets the folder `alignment`.
    flow: the policy at its start, and the reference.
    chosen: the reward that `config.reward` names.

  Raises:
    ValueError: what `objective_of` or `exploration` refuses.
  """
  objective = objective_of(config)
  loop = AlignmentLoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  # Pictures are drawn and judged on the host of one device.
  mesh = make_mesh(MeshConfig(data=1), devices=jax.devices()[:1])
  trained = trained_part(config, flow)
  whole = trained.whole or (lambda params: params)
  if objective.make_rollout is None:
    rollout = rollout_of(config, flow, chosen.reward, trained.whole)
  else:
    shape = flow.model.config.shape
    rollout = objective.make_rollout(trained.velocity, shape)

  def make(directory: pathlib.Path) -> None:
    # On the mesh from the start, or the second update compiles anew.
    state = jax.device_put(
      start_alignment(trained.params, optimizer), replicated(mesh)
    )
    validation = Pictures(flow, config.validation, split=VALID)
    steps = AlignmentSteps(
      rollout=rollout,
      reward=reward_samples(chosen.reward),
      update=objective.make_update(trained.velocity, optimizer),
      validate=lambda params: validated(validation, whole(params), chosen),
      keeps_old=objective.old_policy.keeps,
    )
    with jax.set_mesh(mesh):
      last = fit(
        state,
        jax.device_put(
          FlowContext(trained.params, trained.fixed), replicated(mesh)
        ),
        iter(numbered_batches(functools.partial(prompts_of, config, flow))),
        steps,
        config=loop,
        key=jax.random.key(config.seed),
        directory=directory,
        mesh=mesh,
        guard=guard_of(config),
      )
    save_params(directory, last.params)

  artefact = build_resumable(
    workdir, FOLDER, keys.stored(config.to_dict()),
    [flow.artefact.fingerprint, *chosen.inputs], make,
  )  # fmt: skip
  params = load_params(artefact.directory, trained.params)
  return AlignedFlow(whole(params), artefact)


def prompts_of(
  config: ConfigDict, flow: TrainedFlow, number: int
) -> PictureBatch:
  """The training prompts of an update."""
  # The same prompts for all seeds and arms would be one draw of them.
  batch = int(number) * 1_000_003 + config.seed
  prompts = flow.world.prompts(
    config.prompts.batch_size, split=TRAIN, batch=batch
  )
  return PictureBatch(flow.world.caption_tokens(prompts), prompts)


def validated(
  pictures: Pictures, params: Any, chosen: ChosenReward
) -> dict[str, float]:
  """Means of the judge's scores of validation prompts, as `eval/...`.

  `eval/reward` is the judge's, gold; `eval/proxy` the reward that is learned
  from, where that is another.
  """
  drawn = pictures(params)
  scores = judged(pictures.world, drawn, pictures.prompts)
  if chosen.is_proxy:
    batch = PictureBatch(pictures.tokens, pictures.prompts)
    scores["proxy"] = rewards_of(chosen.reward, batch, drawn)
  return {
    f"eval/{name}": float(np.nanmean(x))
    for name, x in scores.items()
    if not np.isnan(x).all()
  }
