"""What is found in a picture is what was drawn, through noise and blur."""

import jax
import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.emoji.bitmaps import bitmap
from gr_jax.data.worlds.emoji.fits import ink_at_places
from gr_jax.data.worlds.emoji.found_cells import find_cells
from tests.reference.drawn_emoji import drawn, png, small_vocabulary

find = jax.jit(find_cells)


@pytest.fixture(scope="module")
def scenes(world):
  return world.scenes(200)


@pytest.fixture(scope="module")
def pictures(world, scenes) -> np.ndarray:
  return np.asarray(world.render(scenes))


def kinds_of(scenes) -> np.ndarray:
  """The kinds `[B, 4]` of cells, -1 for none."""
  kinds = np.full((len(scenes), 4), -1)
  rows, columns = np.nonzero(scenes.kinds >= 0)
  kinds[rows, scenes.cells[rows, columns]] = scenes.kinds[rows, columns]
  return kinds


def test_a_drawn_scene_is_found_whole(world, scenes, pictures):
  found = find(pictures, world.vocabulary)
  np.testing.assert_array_equal(found.kinds, kinds_of(scenes))
  np.testing.assert_array_equal(found.present, kinds_of(scenes) >= 0)
  np.testing.assert_array_equal(found.filled, found.present)
  np.testing.assert_array_equal(found.count, (scenes.kinds >= 0).sum(axis=1))


@pytest.mark.parametrize(
  ("blur", "noise"), [(0, 0.2), (0.7, 0), (0.5, 0.1), (0, 0.3)]
)
def test_noise_and_blur_change_nothing(world, scenes, pictures, blur, noise):
  seen = scipy.ndimage.gaussian_filter(pictures, (0, blur, blur, 0))
  seen = seen + noise * np.random.default_rng(0).normal(size=seen.shape)
  found = find(seen.astype(np.float32), world.vocabulary)
  np.testing.assert_array_equal(found.kinds, kinds_of(scenes))
  np.testing.assert_array_equal(found.present, kinds_of(scenes) >= 0)


def test_emoji_of_no_name_are_there_and_are_none_of_the_names(world):
  others = [bitmap(png(drawn(seed)), side=14) for seed in range(100, 200)]
  cells = np.ones((100, 32, 32, 3), np.float32)
  cells[:, 1:15, 17:31] = others
  found = find(cells, world.vocabulary)
  present = np.asarray(found.present)
  assert not np.any(present[:, [0, 2, 3]])
  assert np.all(present[:, 1])
  # One of the hundred has nearly the blocks of one of the eight.
  assert np.mean(np.asarray(found.kinds)[:, 1] >= 0) <= 0.02


def test_specks_are_no_emoji(world, scenes, pictures):
  changed = pictures.copy()
  changed[:, :2, :2] = [1, 0, -1]
  changed[:, -1, -1] = -1
  found = find(changed, world.vocabulary)
  np.testing.assert_array_equal(found.kinds, kinds_of(scenes))


@pytest.mark.parametrize("cell", [16, 24])
def test_a_cell_is_filled_as_far_as_its_blocks_are_strong(tmp_path, cell):
  vocabulary = small_vocabulary(tmp_path, cell=cell)
  side = vocabulary.sprites.shape[1]
  rng = np.random.default_rng(0)
  cells = np.ones((8, 2 * cell, 2 * cell, 3), np.float32)
  gains = np.linspace(0.1, 0.9, 8)[:, None, None, None]
  cells[:, :side, :side] = 1 + gains * (vocabulary.sprites[0] - 1)
  cells -= 0.3 * rng.random(cells.shape).astype(np.float32)

  def strength(picture):
    blocks = picture.reshape(8, cell // 8, 8, cell // 8, 3).mean(axis=(1, 3))
    return np.sqrt(np.mean(blocks**2))

  table = np.asarray(ink_at_places(vocabulary.sprites, cell=cell))
  weakest = min(strength(one) for row in table for one in row)
  wanted = [
    2 * strength(np.clip(picture[:cell, :cell], -1, 1) - 1) / weakest - 0.5
    for picture in cells
  ]
  found = find(cells, vocabulary)
  filled = np.asarray(found.filled)
  np.testing.assert_allclose(filled[:, 0], np.clip(wanted, 0, 1), atol=1e-5)
  assert np.any((filled > 0) & (filled < 0.5))
  np.testing.assert_array_equal(found.present, filled > 0.5)
  assert np.all(np.asarray(found.kinds)[~np.asarray(found.present)] == -1)


def test_values_past_the_range_are_clipped(world, pictures):
  loud = np.where(np.abs(pictures) == 1, 3 * pictures, pictures)
  there = find(loud, world.vocabulary)
  here = find(pictures, world.vocabulary)
  np.testing.assert_array_equal(there.fits, here.fits)
  np.testing.assert_array_equal(there.errors, here.errors)
