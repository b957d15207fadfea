"""Pictures hold what the scene says, where it says."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.worlds.shapes.palette import CORNERS, GRAYS
from gr_jax.data.worlds.shapes.render import object_masks, render
from gr_jax.data.worlds.shapes.scenes import Scenes
from gr_jax.data.worlds.shapes.world import ShapesWorld


@pytest.fixture(scope="module")
def scenes() -> Scenes:
  return ShapesWorld(0, num_backgrounds=3).scenes(100)


@pytest.fixture(scope="module")
def pictures(scenes) -> np.ndarray:
  return np.asarray(render(scenes))


def test_a_center_has_the_color_of_its_shape(scenes, pictures):
  b, k = np.nonzero(scenes.kinds >= 0)
  x, y = (scenes.centers[b, k] * 32).astype(int).T
  np.testing.assert_allclose(pictures[b, y, x], CORNERS[scenes.colors[b, k]])


def test_what_no_shape_covers_is_background(scenes, pictures):
  bare = ~np.asarray(object_masks(scenes) > 0).any(axis=1)
  gray = np.broadcast_to(
    GRAYS[scenes.prompts.background][:, None, None], bare.shape
  )
  np.testing.assert_array_equal(pictures[bare], np.tile(gray[bare][:, None], 3))
  assert bare.mean() > 0.7


def test_masks_have_the_area_of_their_radius_and_lie_in_their_box(scenes):
  masks = np.asarray(object_masks(scenes))
  there = scenes.kinds >= 0
  area = np.pi * (scenes.radii * 32) ** 2
  np.testing.assert_allclose(
    masks.sum(axis=(2, 3))[there], area[there], rtol=0.08
  )
  assert not masks[~there].any()
  middle = np.arange(32) + 0.5
  left, top, right, bottom = (
    scenes.boxes[..., side, None, None] * 32 for side in range(4)
  )
  x, y = middle, middle[:, None]
  outside = (x < left - 1) | (x > right + 1) | (y < top - 1) | (y > bottom + 1)
  assert not masks[np.broadcast_to(outside, masks.shape)].any()


def test_a_larger_picture_shows_the_same_scene(scenes, pictures):
  large = np.asarray(render(scenes, size=96))
  shrunk = large.reshape(-1, 32, 3, 32, 3, 3).mean(axis=(2, 4))
  assert np.abs(shrunk - pictures).mean() < 0.01
  assert np.abs(shrunk - pictures).max() < 0.5


def test_later_shapes_lie_over_earlier_ones(scenes):
  one = scenes[:1]
  centers = np.full_like(one.centers, 0.5)
  stack = dataclasses.replace(
    one,
    kinds=np.array([[1, 0, -1, -1, -1, -1]], np.int32),
    colors=np.array([[4, 2, -1, -1, -1, -1]], np.int32),
    centers=centers,
    radii=np.array([[0.3, 0.1, 0, 0, 0, 0]], np.float32),
  )
  picture = np.asarray(render(stack))[0]
  np.testing.assert_array_equal(picture[16, 16], CORNERS[2])
  np.testing.assert_array_equal(picture[16, 10], CORNERS[4])
