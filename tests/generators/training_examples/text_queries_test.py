"""Some queries are words of the target's own text."""

import collections

import numpy as np
import pytest

from gr_jax.generators.prompts.vocabulary import build_vocabulary
from gr_jax.generators.training_examples.text_queries import TextQueries

TEXTS = ["red milk brand", "brand oat oat milk", "brand", "brand soap zzz"]
VOCABULARY = build_vocabulary(
  ["red milk oat", "brand soap"], [], (2,), user_buckets=0
)
RNG = np.random.default_rng(0)
QUERIES = np.full((1, 4, 3), 7, np.int32)
ITEMS = np.arange(4)[None]


def words_of(row) -> set[str]:
  first = VOCABULARY.offsets["word"]
  return {VOCABULARY.words[token - first] for token in row if token >= 0}


def draws(texts: TextQueries, times: int = 2000) -> list[np.ndarray]:
  rng = np.random.default_rng(1)
  return [texts(QUERIES, ITEMS, rng)[0] for _ in range(times)]


def test_words_are_known_distinct_and_of_the_items_text():
  allowed = [{"red", "milk"}, {"oat", "milk"}, None, {"soap"}]
  for rows in draws(TextQueries(TEXTS, VOCABULARY, share=1.0), 200):
    for row, words in zip(rows, allowed):
      if words is None:
        # "brand" is in every text: it tells nothing.
        assert row.tolist() == [7, 7, 7]
        continue
      tokens = row[row >= 0].tolist()
      assert 1 <= len(tokens) == len(set(tokens))
      assert words_of(row) <= words
      assert (row[len(tokens) :] == -1).all()


def test_the_share_is_replaced():
  rows = draws(TextQueries(TEXTS, VOCABULARY, share=0.3))
  replaced = np.mean([row[0].tolist() != [7, 7, 7] for row in rows])
  assert replaced == pytest.approx(0.3, abs=0.04)
  for row in draws(TextQueries(TEXTS, VOCABULARY, share=0.0), 20):
    np.testing.assert_array_equal(row, QUERIES[0])


def test_lengths_are_even_and_words_come_by_their_weight():
  rows = draws(TextQueries(TEXTS, VOCABULARY, share=1.0))
  lengths = collections.Counter(int((row[0] >= 0).sum()) for row in rows)
  assert lengths[1] / len(rows) == pytest.approx(0.5, abs=0.04)
  assert lengths[2] / len(rows) == pytest.approx(0.5, abs=0.04)
  # Alone, a word is drawn in proportion to log(1 + tf) ln(N / df).
  weights = {"oat": np.log(3) * np.log(4), "milk": np.log(2) * np.log(2)}
  alone = [words_of(row[1]) for row in rows if (row[1] >= 0).sum() == 1]
  share = np.mean([words == {"oat"} for words in alone])
  wanted = weights["oat"] / sum(weights.values())
  assert share == pytest.approx(wanted, abs=0.04)


def test_a_query_holds_no_more_words_than_fit():
  narrow = np.full((1, 4, 1), 7, np.int32)
  texts = TextQueries(TEXTS, VOCABULARY, share=1.0)
  found = texts(narrow, ITEMS, np.random.default_rng(0))
  assert found.shape == narrow.shape
  assert (found >= 0).all()


def test_a_long_text_gives_the_words_of_most_weight(monkeypatch):
  from gr_jax.generators.training_examples import text_queries

  monkeypatch.setattr(text_queries, "_MOST_KEPT", 1)
  rows = draws(TextQueries(TEXTS, VOCABULARY, share=1.0), 50)
  assert {frozenset(words_of(row[1])) for row in rows} == {frozenset({"oat"})}


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_between_nothing_and_all(share):
  with pytest.raises(ValueError, match="text_share is"):
    TextQueries(TEXTS, VOCABULARY, share=share)
