"""Captions: exact words, and back."""

import numpy as np
import pytest

from gr_jax.data.worlds.scenes.captions import PAD
from gr_jax.data.worlds.shapes.captions import (
  WORDS,
  caption_length,
  caption_tokens,
  captions,
  parse_captions,
)
from gr_jax.data.worlds.shapes.world import ShapesWorld

EXAMPLES = (
  "a red circle",
  "two red circles and a blue square",
  "a red circle left of a green square",
  "a white cross above a black diamond and four cyan triangles",
  "six purple crosses on a dark background",
  "a yellow square right of a red square on a light background",
)


def test_examples_are_read_and_written_back():
  assert captions(parse_captions(EXAMPLES)) == list(EXAMPLES)


@pytest.mark.parametrize("max_groups", [1, 2, 3, 6])
def test_parsing_a_caption_gives_its_prompt(max_groups):
  world = ShapesWorld(0, max_groups=max_groups, num_backgrounds=3)
  prompts = world.prompts(300)
  parsed = parse_captions(captions(prompts), max_groups=max_groups)
  for name, value in vars(prompts).items():
    np.testing.assert_array_equal(vars(parsed)[name], value)


def test_padding_follows_the_last_word_and_fits_the_longest_caption():
  world = ShapesWorld(0, num_backgrounds=3)
  tokens = caption_tokens(world.prompts(3000))
  assert tokens.shape == (3000, caption_length(3))
  assert tokens.dtype == np.int32
  assert not np.any((tokens == PAD)[:, :-1] & (tokens != PAD)[:, 1:])
  assert tokens[:, -1].any()
  assert tokens.max() == len(WORDS) - 1


def test_every_word_has_one_token():
  assert len(set(WORDS)) == len(WORDS)


@pytest.mark.parametrize(
  "text",
  [
    "",
    "red circle",
    "a red circles",
    "two red circle",
    "a red circle a blue square",
    "a red circle and",
    "a red circle and a red circle",
    "two red circles left of a blue square",
    "a red circle and a blue square left of a green cross",
    "a mauve circle",
    "a red circle on a pink background",
    "six red circles and a blue square",
  ],
)
def test_what_is_no_caption_raises(text):
  with pytest.raises(ValueError, match="is no caption"):
    parse_captions([text])
