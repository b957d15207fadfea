"""Queries as other people would type them: the words are the same or near.

A query is changed by one to `MOST` of these, drawn at random, where they apply
[OURS]:

  slip    two letters of a word swapped, one left out or one written twice
  number  an "s" at the end of a word, or none
  join    two words written together
  order   the words in another order
  drop    a word left out
  near    a word replaced by one of the `NEAR` known words nearest by vector
  add     a word of another query

A model that learns some of its requests so knows that what is typed is not
always what was meant.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from gr_jax.text.words import split_words

MOST, NEAR = 3, 8
_LEAST = 4  # Letters of a word that is misspelled.

# A list of words, not empty, to another one; the same where it does not apply.
_Change = Callable[[list[str], np.random.Generator], list[str]]


class Retyped:
  """Types queries anew.

  Args:
    words: `W` known words.
    vectors: `[W, D]` of length 1, zeros for a word that cannot be read.
  """

  def __init__(self, words: Sequence[str], vectors: np.ndarray):
    self._words = tuple(words)
    self._row = {word: row for row, word in enumerate(words)}
    self._vectors = vectors
    self._changes: tuple[_Change, ...] = (
      _slip,
      _number,
      _join,
      _order,
      _drop,
      _drop,
      self._near,
      self._near,
      self._add,
    )

  def __call__(self, query: str, rng: np.random.Generator) -> str:
    """The query as somebody else types it; it holds a word if `query` does."""
    words = split_words(query)
    if not words:
      return query
    for _ in range(rng.integers(1, MOST + 1)):
      words = self._changes[rng.integers(len(self._changes))](words, rng)
    return " ".join(words)

  def _near(self, words: list[str], rng: np.random.Generator) -> list[str]:
    place = rng.integers(len(words))
    near = self._nearest(words[place])
    if not near:
      return words
    return [*words[:place], near[rng.integers(len(near))], *words[place + 1 :]]

  def _add(self, words: list[str], rng: np.random.Generator) -> list[str]:
    if not self._words:
      return words
    place = rng.integers(len(words) + 1)
    other = self._words[rng.integers(len(self._words))]
    return [*words[:place], other, *words[place:]]

  @functools.cache  # noqa: B019
  def _nearest(self, word: str) -> tuple[str, ...]:
    row = self._row.get(word)
    if row is None:
      return ()
    scores = self._vectors @ self._vectors[row]
    scores[row] = 0
    best = np.argsort(-scores, kind="stable")[:NEAR]
    return tuple(self._words[each] for each in best if scores[each] > 0)


def _slip(words: list[str], rng: np.random.Generator) -> list[str]:
  long = [place for place, word in enumerate(words) if len(word) >= _LEAST]
  if not long:
    return words
  place = long[rng.integers(len(long))]
  word = words[place]
  # The first letter is seldom wrong.
  at = rng.integers(1, len(word) - 1)
  kind = rng.integers(3)
  if kind == 0:
    word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
  elif kind == 1:
    word = word[:at] + word[at + 1 :]
  else:
    word = word[:at] + word[at] + word[at:]
  return [*words[:place], word, *words[place + 1 :]]


def _number(words: list[str], rng: np.random.Generator) -> list[str]:
  place = rng.integers(len(words))
  word = words[place]
  other = word[:-1] if word.endswith("s") and len(word) > 2 else f"{word}s"
  return [*words[:place], other, *words[place + 1 :]]


def _join(words: list[str], rng: np.random.Generator) -> list[str]:
  if len(words) < 2:
    return words
  place = rng.integers(len(words) - 1)
  return [*words[:place], words[place] + words[place + 1], *words[place + 2 :]]


def _order(words: list[str], rng: np.random.Generator) -> list[str]:
  return [words[place] for place in rng.permutation(len(words))]


def _drop(words: list[str], rng: np.random.Generator) -> list[str]:
  if len(words) < 2:
    return words
  place = rng.integers(len(words))
  return [*words[:place], *words[place + 1 :]]
