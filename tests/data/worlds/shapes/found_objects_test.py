"""What is found in a picture is what was drawn, through noise and blur."""

import jax
import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.shapes.found_objects import (
  FoundObjects,
  background_index,
  find_objects,
)
from gr_jax.data.worlds.shapes.render import render
from gr_jax.data.worlds.shapes.scenes import Scenes
from gr_jax.data.worlds.shapes.world import ShapesWorld

N = 48


@pytest.fixture(scope="module")
def scenes() -> Scenes:
  return ShapesWorld(0, num_backgrounds=3).scenes(N)


@pytest.fixture(scope="module")
def pictures(scenes) -> np.ndarray:
  return np.asarray(render(scenes))


def disturbed(pictures: np.ndarray, *, blur: float, noise: float) -> np.ndarray:
  blurred = scipy.ndimage.gaussian_filter(pictures, (0, blur, blur, 0))
  draw = np.random.default_rng(0).normal(size=pictures.shape)
  return (blurred + noise * draw).astype(np.float32)


def errors(found: FoundObjects, scenes: Scenes) -> tuple[np.ndarray, ...]:
  """Right pictures `[B]`, and errors of centers and radii of all shapes."""
  found = jax.tree.map(np.asarray, found)
  right = found.count == (scenes.kinds >= 0).sum(axis=1)
  centers, radii = [], []
  for row in range(len(scenes)):
    for k in range(scenes.prompts.counts[row].sum()):
      off = np.linalg.norm(found.centers[row] - scenes.centers[row, k], axis=1)
      nearest = np.where(found.present[row], off, np.inf).argmin()
      right[row] &= found.colors[row, nearest] == scenes.colors[row, k]
      right[row] &= found.kinds[row, nearest] == scenes.kinds[row, k]
      centers.append(off[nearest])
      radii.append(found.radii[row, nearest] / scenes.radii[row, k] - 1)
  return right, np.array(centers), np.array(radii)


def test_a_drawn_scene_is_found_whole(scenes, pictures):
  found = find_objects(pictures)
  right, centers, radii = errors(found, scenes)
  assert right.all()
  assert centers.max() < 0.005
  assert np.abs(radii).max() < 0.06
  np.testing.assert_array_equal(
    background_index(found.background), scenes.prompts.background
  )
  assert np.asarray(found.fits).max(axis=-1)[found.present].min() > 0.95


@pytest.mark.parametrize(
  ("blur", "noise", "share"),
  [(0, 0.1, 1), (0, 0.2, 0.99), (0.5, 0.1, 0.99), (0.7, 0, 0.99)],
)
def test_noise_and_blur_change_little(scenes, pictures, blur, noise, share):
  found = find_objects(disturbed(pictures, blur=blur, noise=noise))
  right, centers, radii = errors(found, scenes)
  assert right.mean() >= share
  assert np.quantile(centers, 0.99) < 0.015
  assert np.quantile(np.abs(radii), 0.99) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize(
  ("blur", "noise", "share"),
  [(0, 0, 1), (0, 0.1, 1), (0, 0.2, 0.99), (0.5, 0.1, 0.99), (0.7, 0, 0.99)],
)
def test_of_thousands_of_scenes_as_many_are_found(blur, noise, share):
  world = ShapesWorld(1, num_backgrounds=3)
  rights = []
  for batch in range(100):
    scenes = world.scenes(N, batch=batch)
    seen = disturbed(np.asarray(render(scenes)), blur=blur, noise=noise)
    rights.append(errors(find_objects(seen), scenes)[0])
  assert np.mean(rights) >= share


def test_empty_full_and_noisy_pictures_show_no_shape(pictures):
  rng = np.random.default_rng(0)
  strange = np.zeros_like(pictures)
  strange[1] = [1, -1, -1]
  strange[2:] = rng.normal(size=pictures[2:].shape)
  found = find_objects(strange)
  assert found.count[0] == 0
  assert found.count[1] == 1
  assert np.all(np.asarray(found.kinds) == -1)


def test_specks_are_no_objects_and_a_color_in_between_is_none(scenes, pictures):
  changed = pictures.copy()
  changed[:, :2, :2] = [1, 1, -1]  # Four pixels in a corner.
  found = find_objects(changed)
  right, _, _ = errors(found, scenes)
  assert right.all()
  orange = np.zeros_like(pictures)
  orange[:, 10:16, 10:16] = [1, 0.1, -1]
  found = find_objects(orange)
  assert np.all(np.asarray(found.count) == 1)
  assert np.all(np.asarray(found.colors) == -1)
  np.testing.assert_allclose(found.rgb[0, 0], [1, 0.1, -1], atol=0.05)


def test_values_past_the_range_are_clipped(pictures):
  loud = find_objects(np.where(np.abs(pictures) == 1, 3 * pictures, pictures))
  jax.tree.map(np.testing.assert_array_equal, loud, find_objects(pictures))
