"""What a classifier of ShapesWorld is asked: how many shapes of each look.

There is a head for each color and one for each kind; the answer is the number
of shapes that have it, 0 to 6. The features then hold what a caption says but
for the places `[OURS]`.

After 4,000 batches of 128 (280 s of a core, seed 0) 99.97 % of the answers on
colors and 99.4 % of those on kinds are right on 5,000 test scenes, and all 13
on 97.0 % of the scenes.
"""

from collections.abc import Callable

import numpy as np

from gr_jax.data.requests import TRAIN
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS
from gr_jax.data.worlds.shapes.render import render
from gr_jax.data.worlds.shapes.scenes import Scenes
from gr_jax.data.worlds.shapes.world import ShapesWorld
from gr_jax.evaluation.pictures.classifier import ClassifierConfig
from gr_jax.evaluation.pictures.classifier_training import Labeled

CONFIG = ClassifierConfig(
  heads=(ShapesWorld.max_objects + 1,) * (len(COLORS) + len(KINDS)), channels=3
)


def scene_labels(scenes: Scenes) -> np.ndarray:
  """The numbers of shapes of every color and kind, `[B, 8 + 5]` int32."""
  of_color = scenes.colors[:, :, None] == np.arange(len(COLORS))
  of_kind = scenes.kinds[:, :, None] == np.arange(len(KINDS))
  looks = np.concatenate((of_color, of_kind), axis=-1)
  return looks.sum(axis=1, dtype=np.int32)


def labeled_scenes(
  world: ShapesWorld, rows: int, *, split: int = TRAIN
) -> Callable[[int], Labeled]:
  """The batches of `rows` pictures that `classifier_training.train` takes."""

  def make(number: int) -> Labeled:
    scenes = world.scenes(rows, split=split, batch=number)
    pictures = np.asarray(render(scenes, size=world.size))
    return Labeled(pictures, scene_labels(scenes))

  return make
