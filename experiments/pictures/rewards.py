"""Section align.reward: what alignment raises.

judge   the exact judge of the world: the gold reward itself
scorer  a learned scorer with known faults (`evaluation/pictures/
        shapes_scorer.py`): a proxy, which a guard compares with the judge
"""

import dataclasses
import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.scorer import check_scorer, train_scorer
from gr_jax.artefacts import Artefact
from gr_jax.choices import choose
from gr_jax.data.worlds.scenes.picture_world import PictureWorld
from gr_jax.rl.guard import RewardGuard
from gr_jax.rl.pictures.samples import PictureReward


@dataclasses.dataclass(frozen=True)
class ChosenReward:
  """A reward of prompts and pictures.

  Attributes:
    reward: the function.
    artefact: the stage that it was learned in; None for the judge.
  """

  reward: PictureReward
  artefact: Artefact | None = None

  @property
  def is_proxy(self) -> bool:
    """Whether it is not the gold reward itself."""
    return self.artefact is not None

  @property
  def inputs(self) -> list[str]:
    """The fingerprints of what it was made from."""
    return [self.artefact.fingerprint] if self.artefact else []


def judge_reward(world: PictureWorld) -> ChosenReward:
  """The reward of the world's judge."""

  def reward(prompts: Any, pictures: np.ndarray) -> np.ndarray:
    _, facts = prompts
    return np.asarray(world.judge(jnp.asarray(pictures), facts).reward)

  return ChosenReward(reward)


def _judge(
  config: ConfigDict, workdir: pathlib.Path, world: PictureWorld
) -> ChosenReward:
  del config, workdir
  return judge_reward(world)


def _scorer(
  config: ConfigDict, workdir: pathlib.Path, world: PictureWorld
) -> ChosenReward:
  del world
  trained = train_scorer(config, workdir)
  return ChosenReward(trained.reward, trained.artefact)


REWARDS = {"judge": _judge, "scorer": _scorer}


def check_reward(config: ConfigDict) -> None:
  """Refuses a reward that does not exist, or not of the world.

  Raises:
    ValueError: names what there is.
  """
  choose("align.reward", config.align.reward, REWARDS)
  if config.align.reward == "scorer":
    check_scorer(config.world.source)
  guard_of(config.align)


def build_reward(
  config: ConfigDict, workdir: pathlib.Path, world: PictureWorld
) -> ChosenReward:
  """The reward of section align, trained where it is learned.

  Args:
    config: sections `align`, `world` and `scorer`.
    workdir: gets the folder `scorer` where there is one.
    world: whose pictures are rewarded.

  Raises:
    ValueError: as `check_reward`.
  """
  check_reward(config)
  return REWARDS[config.align.reward](config, workdir, world)


def guard_of(section: ConfigDict) -> RewardGuard | None:
  """The guard of section align; None where the judge is the reward.

  Raises:
    ValueError: a fall below 0.
  """
  if section.reward == "judge" or not section.guard.fall:
    return None
  return RewardGuard(section.guard.fall)
