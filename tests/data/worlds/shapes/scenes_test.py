"""Scenes: shapes stand apart and as their captions say."""

import numpy as np
import pytest

from gr_jax.data.worlds.scenes.relations import (
  ABOVE,
  BELOW,
  LEFT,
  NO_RELATION,
  RIGHT,
  holds,
)
from gr_jax.data.worlds.shapes.scenes import GAP, LARGEST, SMALLEST, Scenes
from gr_jax.data.worlds.shapes.world import ShapesWorld


@pytest.fixture(scope="module")
def scenes() -> Scenes:
  return ShapesWorld(0).scenes(2000)


def test_a_scene_has_the_shapes_of_its_prompt_in_their_order(scenes):
  prompts = scenes.prompts
  for row in range(200):
    wanted = [
      (color, kind)
      for count, color, kind in zip(
        prompts.counts[row], prompts.colors[row], prompts.kinds[row]
      )
      for _ in range(count)
    ]
    found = list(zip(scenes.colors[row], scenes.kinds[row]))
    assert found == wanted + [(-1, -1)] * (6 - len(wanted))


def test_boxes_lie_in_the_picture_and_apart_by_the_gap(scenes):
  boxes, there = scenes.boxes, scenes.kinds >= 0
  assert boxes[there].min() >= GAP / 2 - 1e-6
  assert boxes[there].max() <= 1 - GAP / 2 + 1e-6
  assert not boxes[~there].any()
  low, high = boxes[..., :2], boxes[..., 2:]
  apart = np.maximum(
    low[:, :, None] - high[:, None], low[:, None] - high[:, :, None]
  ).max(axis=-1)
  pairs = there[:, :, None] & there[:, None] & ~np.eye(6, dtype=bool)
  assert apart[pairs].min() >= GAP - 1e-6


def test_radii_fill_their_range(scenes):
  radii = scenes.radii[scenes.kinds >= 0]
  assert SMALLEST <= radii.min() < SMALLEST + 1e-3
  assert LARGEST - 1e-3 < radii.max() <= LARGEST + 1e-6


def test_places_hold_by_a_wide_margin_and_their_opposites_do_not(scenes):
  relation = scenes.prompts.relation
  first, second = scenes.centers[:, 0], scenes.centers[:, 1]
  assert np.all(holds(relation, first, second, margin=0.15))
  related = relation != NO_RELATION
  opposite = np.array([NO_RELATION, RIGHT, LEFT, BELOW, ABOVE])[relation]
  assert not np.any(holds(opposite, first, second, margin=0)[related])


def test_every_cell_is_used_by_every_place(scenes):
  for relation in range(5):
    rows = scenes.prompts.relation == relation
    cells = (scenes.centers[rows, 0] * 3).astype(int)
    least = {NO_RELATION: 9}.get(relation, 6)
    assert len(np.unique(cells, axis=0)) >= least


def test_rows_of_scenes_keep_their_prompts(scenes):
  few = scenes[np.array([5, 3])]
  assert len(few) == 2
  np.testing.assert_array_equal(few.radii, scenes.radii[[5, 3]])
  np.testing.assert_array_equal(
    few.prompts.counts, scenes.prompts.counts[[5, 3]]
  )
