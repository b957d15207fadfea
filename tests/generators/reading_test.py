"""Vocabularies, prompts and writers go by what the network of a section is."""

import pytest

from gr_jax.generators import reading
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.generators.pretrained.text_writer import (
  TextPromptConfig,
  TextPromptWriter,
)
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import PromptConfig, PromptWriter
from tests.reference import small_world

TOKENS = {
  "prompt": {
    "history": 6, "lookback": 32, "query_words": 4, "user_buckets": 8,
  }
}  # fmt: skip
TEXT = {
  "network": "pretrained",
  "prompt": {
    "history": 6, "lookback": 32, "query_tokens": 24, "facts_tokens": 40,
  },
}  # fmt: skip


def test_only_a_pretrained_network_reads_text():
  assert reading.reads_text(TEXT)
  assert not reading.reads_text(TOKENS)
  assert not reading.reads_text(TOKENS | {"network": "t5"})


@pytest.mark.parametrize(
  ("section", "config", "vocabulary", "writer"),
  [
    (TOKENS, PromptConfig, Vocabulary, PromptWriter),
    (TEXT, TextPromptConfig, TextVocabulary, TextPromptWriter),
  ],
)
def test_all_parts_of_a_section_are_of_one_kind(
  tmp_path, section, config, vocabulary, writer
):
  ids = small_world.semantic_ids()
  options = reading.prompt_config(section)
  assert isinstance(options, config)
  assert options.history == 6
  words = (
    small_world.text_vocabulary(ids)
    if reading.reads_text(section)
    else small_world.vocabulary()
  )
  words.save(tmp_path / "vocabulary.json")
  again = reading.load_vocabulary(tmp_path / "vocabulary.json", section)
  assert isinstance(again, vocabulary)
  made = reading.make_writer(small_world.shop().requests, ids, again, options)
  assert isinstance(made, writer)
