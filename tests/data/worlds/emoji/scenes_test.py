"""Scenes: emoji in cells of their own, as their captions say."""

import numpy as np
import pytest

from gr_jax.data.worlds.emoji.scenes import Scenes
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.relations import cell_places, holds


@pytest.fixture(scope="module", params=[(2, 3), (3, 5)])
def drawn(request, vocabulary) -> tuple[int, Scenes]:
  grid, most = request.param
  world = EmojiWorld(0, vocabulary, grid=grid, max_objects=most)
  return grid, world.scenes(1000)


def test_a_scene_has_the_emoji_of_its_prompt_in_their_order(drawn):
  _, scenes = drawn
  width = scenes.kinds.shape[1]
  for prompt, kinds in zip(
    zip(scenes.prompts.counts, scenes.prompts.kinds), scenes.kinds
  ):
    wanted = np.repeat(prompt[1], prompt[0])
    np.testing.assert_array_equal(kinds[: len(wanted)], wanted)
    assert np.all(kinds[len(wanted) :] == -1)
    assert len(wanted) <= width


def test_every_emoji_has_a_cell_of_its_own_and_all_are_used(drawn):
  grid, scenes = drawn
  there = scenes.kinds >= 0
  np.testing.assert_array_equal(there, scenes.cells >= 0)
  for cells, own in zip(scenes.cells, there):
    assert len(set(cells[own])) == own.sum()
  assert set(scenes.cells[there]) == set(range(grid**2))
  assert set(scenes.places[there]) == set(range(9))


def test_the_first_two_stand_as_their_caption_says(drawn):
  grid, scenes = drawn
  related = scenes.prompts.relation > 0
  places = cell_places(grid)[scenes.cells]
  assert np.all(
    holds(
      scenes.prompts.relation[related],
      places[related, 0],
      places[related, 1],
      margin=0.5,
    )
  )
  assert related.mean() > 0.2


def test_rows_of_scenes_keep_their_prompts(drawn):
  _, scenes = drawn
  few = scenes[np.array([5, 3])]
  assert len(few) == 2
  np.testing.assert_array_equal(few.cells, scenes.cells[[5, 3]])
  np.testing.assert_array_equal(
    few.prompts.counts, scenes.prompts.counts[[5, 3]]
  )
