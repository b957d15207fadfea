"""EmojiWorld: numbered batches, and prompts that no two splits share."""

import dataclasses

import jax
import numpy as np
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.groups import Groups, group_hashes


def test_a_batch_is_a_function_of_seed_split_and_number(world, vocabulary):
  first = world.scenes(20, batch=3)
  again = EmojiWorld(0, vocabulary).scenes(20, batch=3)
  jax.tree.map(np.testing.assert_array_equal, first, again)
  for other in (
    world.scenes(20, batch=4),
    world.scenes(20, batch=3, split=VALID),
    EmojiWorld(1, vocabulary).scenes(20, batch=3),
  ):
    assert not np.array_equal(first.cells, other.cells)
    assert not np.array_equal(first.prompts.kinds, other.prompts.kinds)


def test_no_two_splits_share_a_prompt_and_training_has_all_words(world):
  drawn = [world.prompts(3000, split=split) for split in (TRAIN, VALID, TEST)]
  hashes = [
    set(
      group_hashes(
        Groups(p.counts, p.kinds, p.relation), num_things=8, seed=0
      ).tolist()
    )
    for p in drawn
  ]
  assert not hashes[0] & hashes[1]
  assert not hashes[0] & hashes[2]
  assert not hashes[1] & hashes[2]
  words = [set(world.caption_tokens(p).flat) for p in drawn]
  assert words[1] | words[2] <= words[0]
  assert len(words[0]) >= len(world.words) - 3  # Of "four", "five", "six".


def test_scenes_are_those_of_the_prompts_of_the_same_batch(world):
  jax.tree.map(
    np.testing.assert_array_equal,
    world.scenes(50, split=TEST, batch=7).prompts,
    world.prompts(50, split=TEST, batch=7),
  )


def test_the_widths_of_captions_and_pictures_are_stated(world):
  scenes = world.scenes(2)
  tokens = world.caption_tokens(scenes.prompts)
  assert tokens.shape == (2, world.caption_length)
  assert tokens.max() < len(world.words)
  assert world.render(scenes).shape == (2, world.size, world.size, 3)


@pytest.mark.parametrize(
  ("name", "value"),
  [
    ("grid", 1),
    ("max_objects", 5),
    ("max_groups", 0),
    ("relation_share", 1.5),
    ("seed", -1),
  ],
)
def test_a_world_that_cannot_be_drawn_raises_at_once(vocabulary, name, value):
  with pytest.raises(ValueError, match=f"{name} of EmojiWorld is {value}"):
    EmojiWorld(**{"seed": 0, "vocabulary": vocabulary, name: value})


def test_names_of_which_captions_cannot_be_made_raise_at_once(vocabulary):
  names = ("fox", *vocabulary.names[:-2], "fox")
  with pytest.raises(ValueError, match="two emoji have one name"):
    EmojiWorld(0, dataclasses.replace(vocabulary, names=names))
