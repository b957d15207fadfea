"""Pictures: sprites where the scene says, white elsewhere."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.worlds.emoji.render import cells_of, pictures_of, render


def test_sprites_are_copied_to_their_places(world):
  scenes = world.scenes(40)
  pictures = np.asarray(world.render(scenes))
  assert pictures.shape == (40, 32, 32, 3)
  assert pictures.dtype == np.float32
  expected = np.ones_like(pictures)
  for row in range(40):
    for kind, cell, place in zip(
      scenes.kinds[row], scenes.cells[row], scenes.places[row]
    ):
      if kind >= 0:
        # Two pixels are to spare, so places are one apart.
        y, x = 16 * (cell // 2) + place // 3, 16 * (cell % 2) + place % 3
        sprite = world.vocabulary.sprites[kind]
        expected[row, y : y + 14, x : x + 14] = sprite
  np.testing.assert_allclose(pictures, expected, atol=1e-6)


def test_a_scene_of_nothing_is_white(world):
  scenes = world.scenes(2)
  nothing = np.full_like(scenes.cells, -1)
  empty = dataclasses.replace(scenes, kinds=nothing, cells=nothing)
  assert np.all(np.asarray(world.render(empty)) == 1)


@pytest.mark.parametrize("grid", [2, 3])
def test_cells_put_together_and_cut_apart_are_the_same(grid):
  cells = np.random.default_rng(0).normal(size=(2, grid**2, 4, 4, 3))
  pictures = pictures_of(cells.astype(np.float32))
  assert pictures.shape == (2, 4 * grid, 4 * grid, 3)
  np.testing.assert_allclose(cells_of(pictures, cell=4), cells, rtol=1e-6)
  np.testing.assert_allclose(pictures[0, :4, 4:8], cells[0, 1], rtol=1e-6)


def test_larger_grids_have_larger_pictures(world):
  pictures = render(world.scenes(2), world.vocabulary, grid=3)
  assert pictures.shape == (2, 48, 48, 3)
  # Their four cells of two rows are the first four along rows.
  assert np.all(np.asarray(pictures)[:, 32:] == 1)
