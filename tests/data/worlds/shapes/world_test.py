"""ShapesWorld: numbered batches, and prompts that no two splits share."""

import jax
import numpy as np
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.shapes.captions import caption_tokens
from gr_jax.data.worlds.shapes.prompts import prompt_hashes
from gr_jax.data.worlds.shapes.world import ShapesWorld

WORLD = ShapesWorld(seed=0, num_backgrounds=2)


def test_a_batch_is_a_function_of_seed_split_and_number():
  first = WORLD.scenes(20, batch=3)
  again = ShapesWorld(seed=0, num_backgrounds=2).scenes(20, batch=3)
  jax.tree.map(np.testing.assert_array_equal, first, again)
  for other in (
    WORLD.scenes(20, batch=4),
    WORLD.scenes(20, batch=3, split=VALID),
    ShapesWorld(seed=1, num_backgrounds=2).scenes(20, batch=3),
  ):
    assert not np.array_equal(first.centers, other.centers)
    assert not np.array_equal(first.prompts.colors, other.prompts.colors)


def test_no_two_splits_share_a_prompt_and_each_has_all_words():
  train, valid, test = (
    WORLD.prompts(2000, split=split) for split in (TRAIN, VALID, TEST)
  )
  hashes = [
    set(prompt_hashes(prompts, seed=0).tolist())
    for prompts in (train, valid, test)
  ]
  assert not hashes[0] & hashes[1]
  assert not hashes[0] & hashes[2]
  assert not hashes[1] & hashes[2]
  words = [set(caption_tokens(p).flat) for p in (train, valid, test)]
  assert words[0] == words[1] == words[2]


def test_scenes_are_those_of_the_prompts_of_the_same_batch():
  jax.tree.map(
    np.testing.assert_array_equal,
    WORLD.scenes(50, split=TEST, batch=7).prompts,
    WORLD.prompts(50, split=TEST, batch=7),
  )


def test_the_width_of_captions_is_stated():
  assert caption_tokens(WORLD.prompts(2)).shape == (2, WORLD.caption_length)


@pytest.mark.parametrize(
  ("name", "value"),
  [
    ("size", 8),
    ("max_objects", 7),
    ("max_groups", 0),
    ("relation_share", 1.5),
    ("num_backgrounds", 4),
    ("seed", -1),
  ],
)
def test_a_world_that_cannot_be_drawn_raises_at_once(name, value):
  with pytest.raises(ValueError, match=f"{name} of ShapesWorld is {value}"):
    ShapesWorld(**{"seed": 0, name: value})
