"""Every world of pictures offers what those who train on one rely on."""

import jax
import numpy as np
import pytest

from gr_jax.data.requests import TEST
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.picture_world import PictureWorld
from gr_jax.data.worlds.shapes.world import ShapesWorld
from tests.reference.drawn_emoji import small_vocabulary


@pytest.fixture(params=["shapes", "emoji"])
def world(request, tmp_path) -> PictureWorld:
  if request.param == "shapes":
    return ShapesWorld(0)
  return EmojiWorld(0, small_vocabulary(tmp_path))


def test_a_drawn_picture_is_right_for_its_caption_alone(world):
  scenes = world.scenes(12, split=TEST, batch=1)
  pictures = world.render(scenes)
  assert pictures.shape == (12, world.size, world.size, 3)
  scores = jax.tree.map(np.asarray, world.judge(pictures, scenes.prompts))
  for name in ("exact", "count", "object", "position"):
    assert np.all(vars(scores)[name] == 1)
  assert scores.reward.min() > 0.9
  assert scores.fidelity.min() > 0.8
  turned = world.judge(pictures[::-1], scenes.prompts)
  assert np.mean(turned.exact) < 0.5
  assert np.mean(turned.reward) < scores.reward.mean() - 0.2


def test_tokens_are_the_words_of_captions(world):
  prompts = world.prompts(12, batch=2)
  tokens = world.caption_tokens(prompts)
  assert tokens.shape == (12, world.caption_length)
  written = [
    " ".join(world.words[token] for token in row if token) for row in tokens
  ]
  assert written == world.captions(prompts)
  assert world.words[0] == ""
