"""Candidates of requests that come when the training log is gone."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.query_reader import (
  QueryReader,
  QueryVectors,
  typed_vectors,
)
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import Requests
from gr_jax.text.words import plain_text


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
    reader: reads queries that training never saw.
  """

  writer: CandidateWriter
  items: ItemFacts
  query_rows: dict[str, int]
  shared_clock: bool
  query_vectors: QueryVectors = no_vectors
  reader: QueryReader = dataclasses.field(default_factory=QueryReader)

  @functools.cached_property
  def _rows_by_words(self) -> dict:
    # Of queries with the same words, the first stands for all.
    return {plain_text(query): row for query, row in _reversed(self.query_rows)}

  def trained_row(self, query: str) -> int:
    """The row of a query in the training log, -1 for one it never saw."""
    row = self.query_rows.get(query)
    return (
      self._rows_by_words.get(plain_text(query), -1) if row is None else row
    )

  def of(self, requests: Requests) -> CandidateWriter:
    """The writer of requests of now.

    Args:
      requests: of one user each, all at time 0, whose events are rows of the
        catalogue; nothing of them was counted.
    """
    if not self.shared_clock:
      requests = dataclasses.replace(requests, event_time=_positions(requests))
    queries: list[str] = requests.queries.tolist()
    rows = np.array([self.trained_row(query) for query in queries], np.int64)
    read = [
      query if row >= 0 else self.reader(query)
      for query, row in zip(queries, rows)
    ]
    width = self.items.vectors.shape[1]
    log = Log(
      dataclasses.replace(requests, queries=object_array(read)),
      counted=requests.user_offsets[:-1],
      trained_query=rows,
      query_vectors=typed_vectors(self.query_vectors, queries, read, width),
      live=True,
    )
    return self.writer.of(log)

  def grown(self, items: ItemFacts, codes: np.ndarray) -> Self:
    """These candidates with more items; see `CandidateWriter.grown`."""
    return dataclasses.replace(
      self,
      writer=self.writer.grown(items, codes),
      items=items,
      reader=self.reader.with_items(items.texts[len(self.items) :].tolist()),
    )


def _reversed(rows: dict[str, int]) -> list[tuple[str, int]]:
  return list(rows.items())[::-1]


def _positions(requests: Requests) -> np.ndarray:
  """`[E]` times: the newest event of a user is one place before now."""
  ends = requests.user_offsets[1:]
  return np.arange(len(requests.event_item)) - ends[requests.event_user]
