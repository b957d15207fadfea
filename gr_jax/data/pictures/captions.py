"""Captions of classes: "a picture of a sandal", as rows of a vocabulary."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

PAD = 0


class ClassCaptions(NamedTuple):
  """The captions of C classes.

  Attributes:
    texts: C captions.
    words: the vocabulary; the first word is "", padding.
    tokens: `[C, S]` int32 rows of `words`, PAD after the last. A row of PAD
      alone is free for "no caption", as guidance needs it.
  """

  texts: tuple[str, ...]
  words: tuple[str, ...]
  tokens: np.ndarray


def class_captions(classes: Sequence[str]) -> ClassCaptions:
  """Writes a caption of every class, and numbers words as they appear."""
  texts = tuple(f"a picture of {name}" for name in classes)
  split = [text.split() for text in texts]
  words = tuple(dict.fromkeys(["", *(word for text in split for word in text)]))
  tokens = np.full((len(texts), max(map(len, split))), PAD, np.int32)
  for row, text in enumerate(split):
    tokens[row, : len(text)] = [words.index(word) for word in text]
  return ClassCaptions(texts, words, tokens)
