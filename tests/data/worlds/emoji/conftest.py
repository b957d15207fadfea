"""A vocabulary of eight drawn emoji, and a world of them."""

import pytest

from gr_jax.data.worlds.emoji.vocabulary import Vocabulary
from gr_jax.data.worlds.emoji.world import EmojiWorld
from tests.reference import drawn_emoji


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory) -> Vocabulary:
  return drawn_emoji.small_vocabulary(tmp_path_factory.mktemp("emoji"))


@pytest.fixture(scope="session")
def world(vocabulary) -> EmojiWorld:
  return EmojiWorld(seed=0, vocabulary=vocabulary)
