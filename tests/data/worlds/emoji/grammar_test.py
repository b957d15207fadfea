"""Captions: exact words, and back."""

import numpy as np
import pytest

from gr_jax.data.worlds.emoji.grammar import Grammar
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.captions import PAD
from tests.reference.drawn_emoji import NAMES

GRAMMAR = Grammar(NAMES)
EXAMPLES = (
  "a red apple",
  "an octopus and two green apples",
  "a fox left of an octopus",
  "a mouse above a leaf and three cherries",
  "six mice",
  "a fish right of a fox",
  "two fish",
)


def test_examples_are_read_and_written_back():
  assert GRAMMAR.captions(GRAMMAR.parse(EXAMPLES)) == list(EXAMPLES)


@pytest.mark.parametrize("max_groups", [1, 2, 3])
def test_parsing_a_caption_gives_its_prompt(vocabulary, max_groups):
  world = EmojiWorld(0, vocabulary, max_groups=max_groups)
  prompts = world.prompts(300)
  texts = world.captions(prompts)
  parsed = world.grammar.parse(texts, max_groups=max_groups)
  for name, value in vars(prompts).items():
    np.testing.assert_array_equal(vars(parsed)[name], value)


@pytest.mark.parametrize("max_groups", [1, 2, 3])
def test_padding_follows_the_last_word_and_fits_the_longest_caption(max_groups):
  longest = [
    "a red apple",
    "a red apple left of a green apple",
    "a red apple left of a green apple and a fox",
  ][:max_groups]
  prompts = GRAMMAR.parse(longest, max_groups=max_groups)
  tokens = GRAMMAR.caption_tokens(prompts)
  assert tokens.shape == (max_groups, GRAMMAR.caption_length(max_groups))
  assert tokens.dtype == np.int32
  assert not np.any((tokens == PAD)[:, :-1] & (tokens != PAD)[:, 1:])
  assert GRAMMAR.captions(prompts) == longest


def test_every_word_has_one_token_and_is_of_some_caption():
  assert len(set(GRAMMAR.words)) == len(GRAMMAR.words)
  assert GRAMMAR.words[PAD] == ""
  world_words = {word for text in EXAMPLES for word in text.split()}
  assert world_words <= set(GRAMMAR.words)


@pytest.mark.parametrize(
  "text",
  [
    "",
    "fox",
    "a octopus",
    "a foxes",
    "two fox",
    "a fox a mouse",
    "a fox and",
    "a fox and a fox",
    "a fox and two foxes",
    "two foxes left of a mouse",
    "a fox and a mouse left of a leaf",
    "a dog",
    "a fox and a mouse and a leaf and a fish",
    "six foxes and a mouse",
  ],
)
def test_what_is_no_caption_raises(text):
  with pytest.raises(ValueError, match="is no caption of at most 3 groups"):
    GRAMMAR.parse([text])


def test_names_that_would_be_mistaken_raise():
  with pytest.raises(ValueError, match=r"two emoji have one name: \['fox'\]"):
    Grammar(("fox", "mouse", "fox"))
  with pytest.raises(ValueError, match="'left hand' is no name"):
    Grammar(("fox", "left hand"))
