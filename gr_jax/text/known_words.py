"""Words that nobody trained, read as words that are known.

A typed word is read by the first of these rules that finds something [OURS]:

1. A known word is itself. So is what no spelling repairs: a word with a digit
   ("60", "2x") or of a script without blanks. A stop word or a filler
   (`gr_jax.text.words`) says nothing.
2. Two known words of at least three letters, written together: "icecream" is
   "ice cream". Of several cuts that whose rarer word is the most frequent.
3. Spelling: the known word that begins with the same letter and shares most of
   the character n-grams `G(w)` (n = 1, 2, 3, with marks at both ends),

       s(v, w) = 2 |G(v) ∩ G(w)| / (|G(v)| + |G(w)|)   (Dice, as multisets),

   where `s >= 0.65` and both have at least three letters: "cofee" is "coffee".
4. Vectors: the known word whose vector has the largest cosine, where it is at
   least 0.5: "veggies" is "vegetable".
5. Else the word is unknown.

Words of equal score fall to the more frequent. The thresholds were chosen on
made-up slips of the words of the default purchases and on
`tests/reference/typed_queries_valid.csv`.
"""

import collections
import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from gr_jax.text.encoder import TextEncoder, WordLlamaEncoder
from gr_jax.text.words import FILLERS, STOP_WORDS, is_unspaced, split_words

SPELLING, VECTORS = 0.65, 0.5
_SIZES = (1, 2, 3)
_LEAST = 3  # Letters of a word that stands for another, and of that one.
_SILENT = STOP_WORDS | FILLERS

# Vectors `[n, D]` of unit length of `n` words, zeros for what it cannot read.
Encode = Callable[[Sequence[str]], np.ndarray]


class ReadWord(NamedTuple):
  """A typed word and the known words that it is read as, none if unknown."""

  word: str
  known: tuple[str, ...]

  @property
  def is_itself(self) -> bool:
    return self.known == (self.word,)


@functools.cache
def _encoder() -> TextEncoder:
  return WordLlamaEncoder()


def _word_vectors(words: Sequence[str]) -> np.ndarray:
  return _encoder().encode(words)


class KnownWords:
  """Reads typed words as known ones.

  Args:
    words: the known words, most frequent first.
    encode: gives vectors of words; loaded when a word needs them.
  """

  def __init__(self, words: Sequence[str], *, encode: Encode = _word_vectors):
    self.words = tuple(words)
    self._rank = {word: i for i, word in enumerate(self.words)}
    self._encode = encode
    self._read: dict[str, tuple[str, ...]] = {}

  def __contains__(self, word: str) -> bool:
    return word in self._rank

  def prepare(self) -> None:
    """Loads at once what the first word that is not known needs."""
    if self._index.words:
      _ = self._vectors

  def read(self, text: str) -> list[ReadWord]:
    """The words of a text in their order; unknown stop words are left out."""
    return [
      ReadWord(word, self.known(word))
      for word in split_words(text)
      if word in self._rank or word not in _SILENT
    ]

  def rewritten(self, text: str) -> str:
    """The text in known words; the unknown stay as they were typed."""
    return " ".join(
      " ".join(known or (word,)) for word, known in self.read(text)
    )

  def known(self, word: str) -> tuple[str, ...]:
    """The known words that a word is read as, none if it is unknown."""
    if word in self._rank:
      return (word,)
    if word not in self._read:
      self._read[word] = self._found(word)
    return self._read[word]

  def _found(self, word: str) -> tuple[str, ...]:
    if not _is_spelled(word) or not self._index.words:
      return ()
    return self._parts(word) or self._spelled(word) or self._near(word)

  def _parts(self, word: str) -> tuple[str, ...]:
    cuts = [
      (word[:at], word[at:])
      for at in range(_LEAST, len(word) - _LEAST + 1)
      if word[:at] in self._rank and word[at:] in self._rank
    ]
    return min(
      cuts, key=lambda cut: max(map(self._rank.__getitem__, cut)), default=()
    )

  def _spelled(self, word: str) -> tuple[str, ...]:
    index = self._index
    grams = n_grams(word)
    rows = [index.row[gram] for gram in grams if gram in index.row]
    if not rows:
      return ()
    shared = np.asarray(index.has[rows].sum(axis=0))
    scores = 2 * shared / (len(grams) + index.sizes)
    scores[index.initials != word[0]] = 0
    best = int(scores.argmax())
    return (index.words[best],) if scores[best] >= SPELLING else ()

  def _near(self, word: str) -> tuple[str, ...]:
    words = self._index.words
    scores = self._vectors @ self._encode([word])[0]
    best = int(scores.argmax())
    return (words[best],) if scores[best] >= VECTORS else ()

  @functools.cached_property
  def _index(self) -> "_Index":
    return _Index([word for word in self.words if _is_spelled(word)])

  @functools.cached_property
  def _vectors(self) -> np.ndarray:
    return self._encode(self._index.words)


class _Index:
  """Which word `[W]` has which n-gram: `has [G, W]` of 0 and 1."""

  def __init__(self, words: list[str]):
    self.words = words
    self.initials = np.array([word[0] for word in words])
    self.row: dict[tuple[str, int], int] = {}
    found = [n_grams(word) for word in words]
    self.sizes = np.array([len(grams) for grams in found], np.int64)
    rows = [
      self.row.setdefault(g, len(self.row)) for some in found for g in some
    ]
    columns = np.repeat(np.arange(len(words)), self.sizes)
    shape = len(self.row), len(words)
    ones = np.ones(len(rows), np.int64)
    self.has = sparse.csr_array((ones, (rows, columns)), shape)


def n_grams(word: str) -> list[tuple[str, int]]:
  """The n-grams of a word with marks at both ends, each with its number.

  The second "a" of a word is another than the first, so that what two words
  share counts as often as both have it.
  """
  marked = f"<{word}>"
  seen = collections.Counter()
  found = []
  for size in _SIZES:
    for at in range(len(marked) - size + 1):
      gram = marked[at : at + size]
      found.append((gram, seen[gram]))
      seen[gram] += 1
  return found


def _is_spelled(word: str) -> bool:
  """True for a word that spelling can repair."""
  letters = not any(map(str.isdigit, word)) and not is_unspaced(word)
  return letters and len(word) >= _LEAST
