import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.pseudo_queries import pseudo_queries

WORDS = ("oat", "milk", "rye", "tea", "bread", "green")
TEXTS = st.lists(
  st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
  min_size=1,
  max_size=6,
)


def asked(texts, *, count=2, words=3, seed=0):
  rng = np.random.default_rng(seed)
  return pseudo_queries(texts, count=count, words=words, rng=rng)


@given(TEXTS, st.integers(0, 3), st.integers(1, 4))
def test_queries_are_distinct_words_of_their_text_in_its_order(
  texts, count, words
):
  for text, queries in zip(texts, asked(texts, count=count, words=words)):
    for query in queries:
      found = query.split()
      assert 1 <= len(found) <= words
      places = [text.split().index(word) for word in found]
      assert places == sorted(set(places))


@given(TEXTS)
def test_a_word_of_all_texts_is_never_drawn(texts):
  common = set.intersection(*(set(text.split()) for text in texts))
  for text, queries in zip(texts, asked(texts)):
    assert len(queries) == (2 if set(text.split()) - common else 0)
    assert not common & set(" ".join(queries).split())


def test_rare_and_repeated_words_are_drawn_more_often():
  texts = ["rare often", "often here", "often there", "other text"]
  drawn = asked(texts, count=300, words=1)[0]
  expected = np.log(4) / (np.log(4) + np.log(4 / 3))
  assert abs(drawn.count("rare") / 300 - expected) < 0.07
  texts = ["one one one two", "x", "y"]
  drawn = asked(texts, count=300, words=1)[0]
  assert abs(drawn.count("one") / 300 - 2 / 3) < 0.08
