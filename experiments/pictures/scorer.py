"""Trains the learned scorer of a world, a reward beside the exact judge."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.worlds import build_world
from experiments.pipeline.fitting import load_params, save_params
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.data.worlds.shapes.world import ShapesWorld
from gr_jax.evaluation.pictures.classifier import Classifier, make_features
from gr_jax.evaluation.pictures.classifier_training import (
  ClassifierTrainingConfig,
  train,
)
from gr_jax.evaluation.pictures.shapes_classifier import CONFIG, labeled_scenes
from gr_jax.evaluation.pictures.shapes_scorer import make_score, wanted_answers
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.rl.pictures.samples import PictureReward
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig

FOLDER = "scorer"


@dataclasses.dataclass(frozen=True)
class TrainedScorer:
  """A classifier of a world's pictures.

  Attributes:
    reward: its score, as a reward.
    features: `[N, F]` of pictures `[N, ...]`, for distances.
    artefact: the stage.
  """

  reward: PictureReward
  features: Callable[[np.ndarray], np.ndarray]
  artefact: Artefact


def check_scorer(source: str) -> None:
  """Refuses a world that has no scorer.

  Raises:
    ValueError: the classifier counts what `source` does not draw.
  """
  if source != "shapes":
    raise ValueError(
      f"align.reward is 'scorer', which counts shapes; world.source {source!r} "
      "draws none: set align.reward to 'judge', or world.source to 'shapes'."
    )


def train_scorer(config: ConfigDict, workdir: pathlib.Path) -> TrainedScorer:
  """Trains it, or goes on where that was cut off.

  Args:
    config: sections `world` and `scorer`.
    workdir: gets the folder `scorer`.

  Raises:
    ValueError: as `check_scorer`.
  """
  check_scorer(config.world.source)
  section, model = config.scorer, Classifier(CONFIG)
  world = build_world(config.world)
  assert isinstance(world, ShapesWorld)

  def make(directory: pathlib.Path) -> None:
    params = train(
      model,
      labeled_scenes(world, section.batch_size),
      config=ClassifierTrainingConfig(
        seed=section.seed,
        optimizer=OptimizerConfig(**section.optimizer),
        loop=LoopConfig(**section.loop),
      ),
      directory=directory,
      # A network so small needs no more.
      mesh=make_mesh(MeshConfig(data=1), devices=jax.devices()[:1]),
    )
    save_params(directory, params)

  stored = section.to_dict() | {"world": config.world.to_dict()}
  artefact = build_resumable(workdir, FOLDER, stored, [], make)
  params, score = load_params(artefact.directory), make_score(model)

  def reward(prompts: Any, pictures: np.ndarray) -> np.ndarray:
    _, facts = prompts
    return score(params, pictures, wanted_answers(facts))

  read = make_features(model)
  return TrainedScorer(
    reward, lambda pictures: read(params, pictures), artefact
  )
