"""Words of texts as sparse matrices."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from gr_jax.candidates.pairs import Sparse


def word_matrix(
  documents: Sequence[Sequence[str]], vocabulary: dict[str, int] | None = None
) -> Sparse:
  """`[N, V]`, 1 where the document has the word.

  Args:
    documents: `N` lists of words.
    vocabulary: the columns of words, which gets those that are new.
  """
  vocabulary = {} if vocabulary is None else vocabulary
  rows, columns = [], []
  for row, document in enumerate(documents):
    words = {vocabulary.setdefault(word, len(vocabulary)) for word in document}
    rows.extend([row] * len(words))
    columns.extend(sorted(words))
  ones = np.ones(len(rows), np.float32)
  shape = (len(documents), max(len(vocabulary), 1))
  # With indices of 32 bits products read less memory.
  place = np.array(rows, np.int32), np.array(columns, np.int32)
  return sparse.csr_array((ones, place), shape)


def wider(matrix: Sparse, width: int) -> Sparse:
  """The matrix with columns of zeros behind its own."""
  shape = matrix.shape[0], width
  return sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape)
