"""Vectors of the queries that clients send, as those of training were made.

Text for text: what training counted of a query is in its counts. A run with
vectors of a file reads no texts; it knows the queries of its own file only.
"""

import pathlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gr_jax.text.encoder import TextEncoder, WordLlamaEncoder


class EncodedQueries:
  """Vectors by the text encoder, which the first query loads.

  Args:
    weight: the length of a vector.
    make_encoder: makes the encoder.
  """

  def __init__(
    self, weight: float, make_encoder: type[TextEncoder] = WordLlamaEncoder
  ):
    self._weight, self._make = weight, make_encoder
    self._encoder: TextEncoder | None = None
    self._lock = threading.Lock()

  def __call__(self, queries: Sequence[str]) -> np.ndarray:
    with self._lock:
      if self._encoder is None:
        self._encoder = self._make()
    return self._weight * self._encoder.encode(queries)


class StoredQueries:
  """Vectors of a table; zeros for other queries.

  Args:
    table: `[Q, D]`.
    rows: the row of each query.
  """

  def __init__(self, table: np.ndarray, rows: Mapping[str, int]):
    self._table, self._rows = table, rows

  def __call__(self, queries: Sequence[str]) -> np.ndarray:
    found = np.zeros((len(queries), self._table.shape[1]), np.float32)
    for vector, query in zip(found, queries):
      if query in self._rows:
        vector[:] = self._table[self._rows[query]]
    return found


def query_vectors(
  directory: pathlib.Path, section: Mapping[str, Any], rows: Mapping[str, int]
) -> EncodedQueries | StoredQueries:
  """The vectors of a run's queries.

  Args:
    directory: the folder of the stage `vectors`.
    section: its section of the config.
    rows: the row of each known query in `queries.npy`.
  """
  if not section.get("path"):
    return EncodedQueries(section["text_weight"])
  if not section.get("query_path"):
    # Means of what queries led to: that is in their counts.
    return StoredQueries(np.zeros((0, 0), np.float32), {})
  table = np.load(directory / "queries.npy", mmap_mode="r")
  return StoredQueries(table, rows)
