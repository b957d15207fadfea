"""The answers that a classifier of ShapesWorld learns."""

import numpy as np

from gr_jax.data.requests import VALID
from gr_jax.data.worlds.shapes.captions import parse_captions
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS
from gr_jax.data.worlds.shapes.scenes import lay_out
from gr_jax.data.worlds.shapes.world import ShapesWorld
from gr_jax.evaluation.pictures.shapes_classifier import (
  CONFIG,
  labeled_scenes,
  scene_labels,
)


def test_labels_count_the_shapes_of_every_color_and_kind():
  prompts = parse_captions(["two red circles and a red cross"])
  (labels,) = scene_labels(lay_out(np.random.default_rng(0), prompts))
  counts = dict(zip((*COLORS, *KINDS), labels.tolist()))
  there = {name: count for name, count in counts.items() if count}
  assert there == {"red": 3, "circle": 2, "cross": 1}


def test_labels_are_classes_of_the_heads():
  batch = labeled_scenes(ShapesWorld(seed=0), 64)(0)
  assert batch.pictures.shape == (64, 32, 32, CONFIG.channels)
  assert batch.labels.shape == (64, len(CONFIG.heads))
  assert (batch.labels < np.array(CONFIG.heads)).all()
  # Each shape has one color and one kind.
  colors, kinds = np.split(batch.labels, [len(COLORS)], axis=1)
  np.testing.assert_array_equal(colors.sum(axis=1), kinds.sum(axis=1))


def test_batches_are_drawn_by_number_and_split():
  make = labeled_scenes(ShapesWorld(seed=0), 16)
  valid = labeled_scenes(ShapesWorld(seed=0), 16, split=VALID)
  np.testing.assert_array_equal(make(1).pictures, make(1).pictures)
  for other in (make(2), valid(1)):
    assert not np.array_equal(make(1).pictures, other.pictures)
