"""The objective that section align names.

nft        DiffusionNFT (section nft): pictures of the ODE
flow_grpo  Flow-GRPO (section flow_grpo): paths of the SDE, all of a prompt or
           DanceGRPO's best and worst
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax
from ml_collections import ConfigDict

from gr_jax.choices import choose
from gr_jax.diffusion.times import time_grid
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.context import Velocity
from gr_jax.rl.pictures.flow_grpo_update import (
  FlowGrpoConfig,
  make_flow_grpo_update,
)
from gr_jax.rl.pictures.nft_update import NftConfig, make_nft_update
from gr_jax.rl.pictures.path_policy import make_path_rollout
from gr_jax.rl.update import Update

Rollout = Callable[..., Any]


class Objective(NamedTuple):
  """What an alignment has of its objective.

  Attributes:
    old_policy: how the old policy follows.
    passes: how many of the network learning the pictures of a prompt costs.
    make_update: from the network and an optimizer.
    make_rollout: from the network and the shape of a picture; None where
      pictures alone are learned, however they were drawn.
  """

  old_policy: OldPolicy
  passes: float
  make_update: Callable[[Velocity, optax.GradientTransformation], Update]
  make_rollout: Callable[[Velocity, tuple[int, ...]], Rollout] | None


def nft_config(section: ConfigDict) -> NftConfig:
  """DiffusionNFT as section align describes it."""
  return NftConfig(
    times=section.steps,
    old_policy=OldPolicy(section.old_every, section.old_decay),
    seed=section.seed,
    **section.nft,
  )


def flow_grpo_config(section: ConfigDict) -> FlowGrpoConfig:
  """Flow-GRPO as section align describes it.

  Raises:
    ValueError: something explores, or more is kept than is drawn.
  """
  explore = section.explore
  if explore.candidates or explore.weights:
    raise ValueError(
      "align.objective is 'flow_grpo', which learns the paths that it draws: "
      f"set align.explore.candidates (now {explore.candidates}) to 0 and "
      f"align.explore.weights (now {explore.weights!r}) to ''."
    )
  options = section.flow_grpo.to_dict()
  old_policy = OldPolicy(options.pop("old_every"))
  config = FlowGrpoConfig(steps=section.steps, old_policy=old_policy, **options)
  config.kept(section.group_size)
  return config


def _nft(section: ConfigDict) -> Objective:
  config = nft_config(section)
  grid = time_grid(config.times)
  return Objective(
    config.old_policy,
    # Forward and backward of the trained, forward of the old and the reference
    # parameters.
    5.0 * section.group_size * config.learned,
    lambda velocity, optimizer: make_nft_update(
      velocity, optimizer, grid, config=config
    ),
    None,
  )


def _flow_grpo(section: ConfigDict) -> Objective:
  config, size = flow_grpo_config(section), section.group_size
  grid = time_grid(config.steps)
  return Objective(
    config.old_policy,
    # The old policy's log-probabilities are those of the rollout.
    4.0 * config.kept(size) * config.choices,
    lambda velocity, optimizer: make_flow_grpo_update(
      velocity, optimizer, grid, config=config
    ),
    lambda velocity, shape: make_path_rollout(
      velocity, shape, grid, config.sigmas(grid), group_size=size
    ),
  )


OBJECTIVES = {"nft": _nft, "flow_grpo": _flow_grpo}


def objective_of(section: ConfigDict) -> Objective:
  """The objective of section align.

  Raises:
    ValueError: there is no such objective, or it cannot be had as described.
  """
  return choose("align.objective", section.objective, OBJECTIVES)(section)
