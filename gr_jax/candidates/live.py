"""Candidates of requests that come when the training log is gone."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.requests import Requests
from gr_jax.text.words import split_words

QueryVectors = Callable[[Sequence[str]], np.ndarray]
"""Query texts to vectors `[n, D]`; zeros for one that cannot be read."""


def no_vectors(queries: Sequence[str]) -> np.ndarray:
  """`[n, 0]`."""
  return np.zeros((len(queries), 0), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class LiveCandidates:
  """A writer for requests of now, whose catalogue may grow.

  Attributes:
    writer: what training taught; it has no log.
    items: the items that it knows.
    query_rows: the row in the training log of each query that led to an item.
    shared_clock: False where times of the training log are positions.
    query_vectors: reads queries; may give vectors of any width if all are zero.
  """

  writer: CandidateWriter
  items: ItemFacts
  query_rows: dict[str, int]
  shared_clock: bool
  query_vectors: QueryVectors = no_vectors

  @functools.cached_property
  def _rows_by_words(self) -> dict:
    # Of queries with the same words, the first stands for all.
    return {_words(query): row for query, row in _reversed(self.query_rows)}

  def trained_row(self, query: str) -> int:
    """The row of a query in the training log, -1 for one it never saw."""
    row = self.query_rows.get(query)
    return self._rows_by_words.get(_words(query), -1) if row is None else row

  def of(self, requests: Requests) -> CandidateWriter:
    """The writer of requests of now.

    Args:
      requests: of one user each, all at time 0, whose events are rows of the
        catalogue; nothing of them was counted.
    """
    if not self.shared_clock:
      requests = dataclasses.replace(requests, event_time=_positions(requests))
    queries: list[str] = requests.queries.tolist()
    vectors = np.zeros((len(queries), self.items.vectors.shape[1]), np.float32)
    if queries:
      read = self.query_vectors(queries)
      vectors[:, : read.shape[1]] = read
    log = Log(
      requests,
      counted=requests.user_offsets[:-1],
      trained_query=np.array([self.trained_row(q) for q in queries], np.int64),
      query_vectors=vectors,
      live=True,
    )
    return self.writer.of(log)

  def grown(self, items: ItemFacts, codes: np.ndarray) -> Self:
    """These candidates with more items; see `CandidateWriter.grown`."""
    writer = self.writer.grown(items, codes)
    return dataclasses.replace(self, writer=writer, items=items)


def _words(query: str) -> str:
  return " ".join(split_words(query))


def _reversed(rows: dict[str, int]) -> list[tuple[str, int]]:
  return list(rows.items())[::-1]


def _positions(requests: Requests) -> np.ndarray:
  """`[E]` times: the newest event of a user is one place before now."""
  ends = requests.user_offsets[1:]
  return np.arange(len(requests.event_item)) - ends[requests.event_user]
