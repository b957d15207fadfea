"""A world of pictures: its flow model, which all variants start from."""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.flow import train_flow
from experiments.pictures.rewards import judge_reward
from experiments.studies.base_world import BaseWorld
from gr_jax.data.requests import TEST


class FlowWorld(BaseWorld):
  """One trained flow model, and prompts that nothing has seen.

  Arguments are those of `BaseWorld`; the config has the sections `world`,
  `flow`, `align` and `evaluation`.

  Raises:
    ValueError: a reward that is not the judge.
  """

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    super().__init__(config, name, workdir)
    if config.align.reward != "judge":
      raise ValueError(
        f"align.reward is {config.align.reward!r}, but studies compare curves "
        "of the judge's reward, which no guard ends: set it to 'judge'."
      )
    self.flow = self.keep(train_flow(config, workdir))
    self.reward = judge_reward(self.flow.world)

  def sizes(self) -> dict[str, int]:
    """The pictures of every prompt."""
    return {"pictures": self.config.evaluation.each}

  def users(self) -> dict[str, np.ndarray]:
    """The caption of every prompt, by number: a small world repeats them."""
    world = self.flow.world
    prompts = world.prompts(self.config.evaluation.prompts, split=TEST)
    texts = world.captions(prompts)
    return {"": np.unique(texts, return_inverse=True)[1]}
