"""Sentence vectors."""

import contextlib
import functools
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class TextEncoder(Protocol):
  """Maps texts to unit vectors.

  Attributes:
    dimensions: The width `D` of a vector.
  """

  dimensions: int

  def encode(self, texts: Sequence[str]) -> np.ndarray:
    """Returns unit rows `[n, D]`; a text without a known word gives zeros."""
    ...


class WordLlamaEncoder:
  """Averages static word vectors: WordLlama's 256-d table.

  The weights ship inside the package `wordllama`; nothing is downloaded.

  Raises:
    FileNotFoundError: the package is not installed.
  """

  def __init__(self):
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
      raise FileNotFoundError(
        "The package wordllama is not installed; run `pip install wordllama`, "
        "or give vectors of your own."
      )
    self._model = _word_llama(Path(spec.origin).parent)
    self.dimensions = self._model.embedding.shape[1]

  def encode(self, texts: Sequence[str]) -> np.ndarray:
    """Returns unit rows `[n, 256]`; a text without a known word gives zeros.

    Each distinct text is encoded once, in order of length, because a batch is
    padded to its longest text.
    """
    if not len(texts):
      return np.zeros((0, self.dimensions), np.float32)
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    row = {text: i for i, text in enumerate(distinct)}
    vectors = self._model.embed(distinct, norm=False, return_np=True)
    return unit_rows(np.asarray(vectors))[[row[text] for text in texts]]


@functools.cache  # A server that reloads has it; it never changes.
def _word_llama(folder: Path) -> Any:
  # Imported late: it takes half a second and few programs need it.
  with _a_home(folder):
    from wordllama import WordLlama

  return WordLlama.load(cache_dir=folder, disable_download=True)


@contextlib.contextmanager
def _a_home(folder: Path) -> Iterator[None]:
  """Lets a user without a home have a folder as such.

  WordLlama asks for the home as it is imported, and puts nothing there.
  """
  if os.path.expanduser("~") != "~":
    yield
    return
  os.environ["HOME"] = str(folder)
  try:
    yield
  finally:
    del os.environ["HOME"]


def unit_rows(vectors: np.ndarray) -> np.ndarray:
  """Returns rows x / |x| `[n, D]` float32; rows of zeros stay zeros."""
  vectors = np.asarray(vectors, np.float32)
  with np.errstate(over="ignore"):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  if not np.isfinite(norms).all():
    vectors = np.nan_to_num(vectors)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  return np.divide(
    vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-12
  )
