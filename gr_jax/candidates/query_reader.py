"""Typed queries in words and vectors of what is known.

A query that training never saw is read word by word: a word of some item's text
is itself, any other is what `gr_jax.text.known_words` makes of it. Its vector
is the mean of those of both texts, of length 1 each: where a word was misread,
what is written still says what is meant. [OURS]
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Self

import numpy as np

from gr_jax.text.encoder import unit_rows
from gr_jax.text.known_words import KnownWords
from gr_jax.text.words import split_words

QueryVectors = Callable[[Sequence[str]], np.ndarray]
"""Query texts to vectors `[n, D]`; zeros for one that cannot be read."""


@dataclasses.dataclass(frozen=True)
class QueryReader:
  """Reads queries that training never saw.

  Attributes:
    known_words: what words are read as.
    item_words: words that stay as they are.
  """

  known_words: KnownWords = dataclasses.field(
    default_factory=lambda: KnownWords(())
  )
  item_words: frozenset[str] = frozenset()

  def with_items(self, texts: Iterable[str]) -> Self:
    """This reader with the words of more items."""
    words = {word for text in set(texts) for word in split_words(text)}
    return dataclasses.replace(self, item_words=self.item_words | words)

  def __call__(self, query: str) -> str:
    """The query in known words; the unknown stay as they were typed."""
    read = (
      word if word in self.item_words else self.known_words.rewritten(word)
      for word in split_words(query)
    )
    return " ".join(filter(None, read))


def typed_vectors(
  encode: QueryVectors, queries: Sequence[str], read: Sequence[str], width: int
) -> np.ndarray:
  """`[n, D]` of queries as they are written and as they are read.

  Args:
    encode: gives vectors of texts, of `width` or less.
    queries: `n` texts.
    read: `n` texts, the same where a query is not read as another.
    width: `D`; the last columns are 0 where `encode` gives fewer.
  """
  vectors = np.zeros((len(queries), width), np.float32)
  if len(queries):
    found = unit_rows(encode(queries)) + unit_rows(encode(read))
    vectors[:, : found.shape[1]] = found / 2
  return vectors
