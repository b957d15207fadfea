"""A world of pictures: its flow model, which all variants start from."""

import pathlib
from collections.abc import Sequence

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.flow import train_flow
from experiments.pictures.rewards import judge_reward
from experiments.pictures.scorer import train_scorer
from experiments.studies.base_world import BaseWorld
from experiments.studies.frechet_rows import frechet_rows
from gr_jax.data.requests import TEST
from gr_jax.data.worlds.shapes.scenes import lay_out
from gr_jax.data.worlds.shapes.world import ShapesWorld


class FlowWorld(BaseWorld):
  """One trained flow model, and prompts that nothing has seen.

  Arguments are those of `BaseWorld`; the config has the sections `world`,
  `flow`, `scorer`, `align` and `evaluation`.

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
    # Who reads pictures for distances, where there is a classifier of them.
    self.reader = None
    self._features: dict[str, dict[int, np.ndarray]] = {}
    if isinstance(self.flow.world, ShapesWorld):
      self.reader = self.keep(train_scorer(config, workdir))

  def sizes(self) -> dict[str, int]:
    """The pictures of every prompt."""
    return {"pictures": self.config.evaluation.each}

  def see(self, variant: str, seed: int, pictures: np.ndarray) -> None:
    """Keeps the features of a run's pictures `[P, E, ...]`."""
    if self.reader is not None:
      flat = pictures.reshape(-1, *pictures.shape[2:])
      found = self.reader.features(flat).reshape(*pictures.shape[:2], -1)
      self._features.setdefault(variant, {})[seed] = found

  def distance_rows(self, pairs: Sequence[tuple[str, str]]) -> list[dict]:
    """Rows of `frechet_rows` of the runs that were seen."""
    world = self.flow.world
    if not self._features or not isinstance(world, ShapesWorld):
      return []
    each = next(iter(next(iter(self._features.values())).values())).shape[1]
    prompts = world.prompts(self.config.evaluation.prompts, split=TEST)
    real = [
      world.render(lay_out(np.random.default_rng(k), prompts))
      for k in range(each)
    ]
    real = [self.reader.features(np.asarray(shown)) for shown in real]
    return list(
      frechet_rows(
        self._features, np.stack(real, axis=1), self.users()[""], pairs
      )
    )

  def users(self) -> dict[str, np.ndarray]:
    """The caption of every prompt, by number: a small world repeats them."""
    world = self.flow.world
    prompts = world.prompts(self.config.evaluation.prompts, split=TEST)
    texts = world.captions(prompts)
    return {"": np.unique(texts, return_inverse=True)[1]}
