"""Words that nobody trained are read as known ones, by one list of rules."""

import collections
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.text import known_words
from gr_jax.text.known_words import KnownWords, ReadWord, n_grams
from gr_jax.text.words import FILLERS, STOP_WORDS

WORDS = (
  "milk", "cream", "coffee", "ice", "cheese", "nice", "bananas", "vegetable",
  "of", "60", "茶",
)  # fmt: skip
# What the vectors of this test know; the rest is zero.
DIRECTIONS = {"milk": 0.0, "vegetable": 1.0, "veggies": 1.2, "dairy": 0.9}


def encode(words):
  angles = [DIRECTIONS.get(word) for word in words]
  return np.array(
    [(0, 0) if a is None else (np.cos(a), np.sin(a)) for a in angles]
  )


def reader(words=WORDS) -> KnownWords:
  return KnownWords(words, encode=encode)


@pytest.mark.parametrize(
  ("word", "known"),
  [
    ("milk", ("milk",)),
    ("of", ("of",)),
    # Two words written together; "ice" before "nice" and its rest.
    ("icecream", ("ice", "cream")),
    # Spelling: left out, doubled, turned, replaced, one for many.
    ("cofee", ("coffee",)),
    ("cofffee", ("coffee",)),
    ("coffe", ("coffee",)),
    ("chesee", ("cheese",)),
    ("banana", ("bananas",)),
    ("vegetables", ("vegetable",)),
    # The first letter is taken as typed.
    ("toffee", ()),
    # Vectors, where no spelling is near.
    ("veggies", ("vegetable",)),
    # A number, a letter and a word of a script without blanks stay unknown.
    ("61", ()),
    ("2x", ()),
    ("i", ()),
    ("茶葉", ()),
    ("zzz", ()),
  ],
)
def test_a_word_is_read_by_the_first_rule_that_finds_something(word, known):
  assert reader().known(word) == known


def test_a_text_is_read_in_its_order_and_unknown_stop_words_are_silent():
  assert reader().read("Cofee with of the ICECREAM zzz") == [
    ReadWord("cofee", ("coffee",)),
    ReadWord("of", ("of",)),
    ReadWord("icecream", ("ice", "cream")),
    ReadWord("zzz", ()),
  ]
  assert [word.is_itself for word in reader().read("milk cofee zzz")] == [
    True,
    False,
    False,
  ]


def test_stop_words_and_fillers_are_silent_until_they_are_trained():
  for words in (STOP_WORDS, FILLERS):
    assert reader().rewritten(" ".join(words - {"of"})) == ""
  assert not STOP_WORDS & FILLERS
  assert reader(("want", "milk")).rewritten("I want some milk") == "want milk"


def test_a_text_is_rewritten_in_known_words():
  assert reader().rewritten("Cofee with ICECREAM, zzz!") == (
    "coffee ice cream zzz"
  )
  assert reader().rewritten("?") == ""


def test_the_cut_whose_rarer_word_is_most_frequent_counts():
  # "sea side" and "seas ide".
  assert reader(("sea", "side", "seas", "ide")).known("seaside") == (
    "sea",
    "side",
  )
  assert reader(("seas", "ide", "sea", "side")).known("seaside") == (
    "seas",
    "ide",
  )


def test_of_equal_spellings_the_more_frequent_counts():
  assert reader(("bake", "bike")).known("bke") == ("bake",)
  assert reader(("bike", "bake")).known("bke") == ("bike",)


def test_without_known_words_nothing_is_read():
  assert reader(()).read("milk") == [ReadWord("milk", ())]
  assert reader(("60", "茶")).known("milk") == ()


def test_the_largest_cosine_counts_from_its_threshold_on():
  wide = KnownWords(("milk", "vegetable"), encode=encode)
  # cos(0.9) = .62 to milk, cos(0.1) = .995 to vegetable.
  assert wide.known("dairy") == ("vegetable",)
  assert KnownWords(("milk",), encode=encode).known("dairy") == ("milk",)
  # cos(1.2) = .36.
  assert KnownWords(("milk",), encode=encode).known("veggies") == ()


def dice(a: str, b: str) -> float:
  """The similarity as it is written, from lists of all n-grams."""

  def grams(word):
    marked = f"<{word}>"
    return [
      marked[i : i + n] for n in (1, 2, 3) for i in range(len(marked) - n + 1)
    ]

  shared = collections.Counter(grams(a)) & collections.Counter(grams(b))
  return 2 * shared.total() / (len(grams(a)) + len(grams(b)))


@given(
  st.lists(
    st.text("abc", min_size=3, max_size=6), unique=True, min_size=1, max_size=6
  ),
  st.text("abc", min_size=3, max_size=6),
)
def test_spelling_finds_the_most_similar_word_of_that_initial(words, typed):
  found = KnownWords(words, encode=lambda w: np.zeros((len(w), 1))).known(typed)
  scores = [dice(w, typed) * (w[0] == typed[0]) for w in words]
  if typed in words:
    assert found == (typed,)
  elif len(found) == 1:
    assert found[0] == words[int(np.argmax(np.round(scores, 9)))]
    assert max(scores) >= known_words.SPELLING
  elif not found:
    assert max(scores) < known_words.SPELLING


def test_n_grams_have_marks_at_both_ends_and_are_numbered():
  grams = [gram for gram, _ in n_grams("aa")]
  assert grams == ["<", "a", "a", ">", "<a", "aa", "a>", "<aa", "aa>"]
  assert [number for _, number in n_grams("aa")] == [0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_vectors_are_those_of_wordllama_by_default():
  assert KnownWords(("vegetable", "gasoline")).known("veggies") == (
    "vegetable",
  )


def test_the_thresholds_stand_in_the_docstring():
  numbers = re.findall(r"0\.\d+", known_words.__doc__)
  assert numbers == [str(known_words.SPELLING), str(known_words.VECTORS)]
