import dataclasses

import numpy as np
import pytest

from gr_jax.generators.pretrained.text_writer import (
  TextPromptConfig,
  TextPromptWriter,
)
from gr_jax.generators.prompts.usual_items import UsualItems
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_world import semantic_ids, shop, text_vocabulary

CONFIG = TextPromptConfig(
  history=4, lookback=32, facts_tokens=40, query_tokens=40
)
ROWS = np.arange(0, 400, 7)


@pytest.fixture(scope="module")
def writer():
  ids = semantic_ids()
  return TextPromptWriter(shop().requests, ids, text_vocabulary(ids), CONFIG)


def read(writer, tokens):
  text = writer._vocabulary.text
  return text.decode(np.maximum(tokens, 0), tokens >= 0)


def letters(codes):
  return "".join(
    f"<{letter}_{code}>" for letter, code in zip("abcd", codes) if code >= 0
  )


def test_a_prompt_says_who_shops_and_what_they_bought(writer):
  requests, ids = shop().requests, semantic_ids()
  shown = np.ones(len(ROWS), bool)
  found = read(writer, writer.prompts(ROWS, shown=shown).tokens)
  usual = UsualItems(requests, history=CONFIG.history, lookback=CONFIG.lookback)
  for row, text, events, keep in zip(ROWS, found, *usual(ROWS)):
    facts = requests.profiles[requests.user[row]]
    said = ", ".join(x.replace("_", " ").replace("=", " ") for x in facts)
    items = requests.event_item[events[keep]]
    bought = "".join(letters(ids.codes[item]) for item in items)
    expected = f"Shopper: {said}\n" if facts else ""
    assert text == expected + (f"Bought:{bought}\n" if bought else "")
  assert {"Bought" in text for text in found} == {True, False}


def test_tokens_are_those_of_the_whole_text(writer):
  prompt = writer.prompts(ROWS, shown=np.ones(len(ROWS), bool)).tokens
  queries = writer.queries(shop().requests.query[ROWS])
  tokens = np.concatenate((prompt, queries), axis=1)
  for row, text in zip(tokens, read(writer, tokens)):
    whole = writer._vocabulary.text.tokenizer.encode(text).ids
    assert whole == row[row >= 0].tolist()


def test_hidden_shoppers_say_nothing(writer):
  prompt = writer.prompts(ROWS, shown=np.zeros(len(ROWS), bool))
  assert (prompt.tokens == -1).all()
  assert not prompt.mask.any()
  assert prompt.tokens.shape[1] == writer.length


def test_lines_ask_for_a_query_the_next_basket_and_an_item(writer):
  requests = shop().requests
  known = int(requests.query.max())
  asked = read(writer, writer.queries(np.array([known, -1])))
  assert asked == [
    f"Search: {requests.queries[known]}\nID:",
    "Next basket\nID:",
  ]
  shape = writer.queries(np.array([[known, -1]])).shape
  assert shape == (1, 2, CONFIG.query_tokens)
  (item,) = read(writer, writer.items(["Oat milk 2 l"]))
  assert item == "Item: Oat milk 2 l\nID:"


def test_long_lines_lose_words_and_keep_their_end(writer):
  (text,) = read(writer, writer.items(["whole milk and bread " * 20]))
  assert text.startswith("Item: whole milk")
  assert text.endswith("\nID:")


def test_queries_are_read_as_known_words(writer):
  read_as = writer._vocabulary.query_text
  words = writer._vocabulary.words
  word = next(w for w in words if len(w) > 5)
  misspelt = word[:2] + word[3] + word[2] + word[4:]
  assert read_as(word.upper()) == word
  assert read_as(f"{misspelt}") == " ".join(
    each
    for found in writer._vocabulary.known_words.read(misspelt)
    for each in found.known or (found.word,)
  )


def test_an_early_end_is_a_token_once():
  codes = np.array([[1, 2, 0], [3, -1, -1], [0, 1, -1]], np.int32)
  ids = SemanticIds(codes, (4, 3, 2))
  words = text_vocabulary(ids)
  assert words.ends
  assert words.new.count == 10
  log = dataclasses.replace(
    shop().requests, event_item=shop().requests.event_item % 3
  )
  writer = TextPromptWriter(log, ids, words, CONFIG)
  found = read(writer, writer.item_tokens)
  assert found == ["<a_1><b_2><c_0>", "<a_3><end>", "<a_0><b_1><end>"]


def test_a_line_needs_room_for_words():
  ids = semantic_ids()
  short = dataclasses.replace(CONFIG, query_tokens=5)
  with pytest.raises(ValueError, match=r"raise generator\.prompt\.query"):
    TextPromptWriter(shop().requests, ids, text_vocabulary(ids), short)
