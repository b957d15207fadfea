"""The candidates that a generator reads, from the data of a run.

At a request of now, the counts of the sources end before it, whoever made them.
A training request that reads counts of its own time and later learns to trust
them too much: other users' purchases of that week are among them. So where the
log is split by time, the sources of training requests count what lies before
the last `learned_share` of these, and only that last share is learned; the
sources of all other requests count the whole training period. In a leave-one-
out split other users' later events are known in training as in the test, and
every training request is learned, without its own user's future. `[OURS]`
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.from_data import leads_to_single_items
from experiments.pipeline.prepare import Data
from experiments.pipeline.retyped_log import RetypedLog, retyped_log
from experiments.pipeline.sources import Sources
from gr_jax.candidates.candidates import Candidates
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.saved import load
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.request_lists import training_event_ends
from gr_jax.data.requests import VALID, Requests
from gr_jax.data.training_period import (
  page_mask,
  request_mask,
  split_by_time,
)
from gr_jax.text.vectors import without_counts
from gr_jax.tokenizers.semantic_ids import SemanticIds

# Training requests whose candidates say how large features are.
_MEASURED = 2000


class MadeLater:
  """A writer of candidates that is made when it first writes."""

  def __init__(self, make: Callable[[], CandidateWriter]):
    self._make = make

  @functools.cached_property
  def writer(self) -> CandidateWriter:
    return self._make()

  def __call__(self, requests: np.ndarray, *, shown: np.ndarray) -> Candidates:
    """See `CandidateWriter`."""
    return self.writer(requests, shown=shown)


class CandidateWriters(NamedTuple):
  """Writers of the candidates of training requests and of all others.

  Attributes:
    used: of requests after the training period.
    learned: of training requests.
    requests: `[R]` bool, the training requests that are learned.
    retyped: `[R]` bool, those of them that others type in other words; none
      where the writers are loaded.
  """

  used: CandidateWriter
  learned: CandidateWriter | MadeLater
  requests: np.ndarray
  retyped: np.ndarray


def candidate_writers(
  section: ConfigDict,
  data: Data,
  semantic_ids: SemanticIds,
  vectors: Vectors,
  *,
  saved: pathlib.Path | None = None,
) -> CandidateWriters | None:
  """The writers that a generator section describes; None without candidates.

  Args:
    section: may have `candidates` with `size`, the number of candidates of a
      request, 0 = none; `sequence_steps`, of the sequence models (`Sources`);
      `learned_share`, the last share of training requests that are learned
      where the log is split by time; `unseen_share`, of those that see their
      query as one that training never saw; and `typed_share`, of those whose
      query others type (`retyped_log`). Has `examples.hidden_share`
      and `count_alpha`.
    data: the catalogue and the log.
    semantic_ids: the IDs of the catalogue.
    vectors: of items and queries.
    saved: the folder of the writer of a trained generator, which is loaded;
      that of training requests is then made when it first writes.

  Raises:
    ValueError: candidates without `count_alpha`.
  """
  size = section.get("candidates", {}).get("size", 0)
  if not size:
    return None
  if not section.get("count_alpha", 1.0):
    raise ValueError(
      "generator.candidates are weighed beside popularity: set "
      "generator.count_alpha above 0, or candidates.size to 0."
    )
  log, vectors = data.requests, _uncounted(vectors)
  share = section.candidates.get("learned_share", 1.0)
  before = before_last(log, share=share)
  trained = request_mask(log)
  learned = trained & (before.split >= VALID) if before is not log else trained
  parts = _Parts(section, data, semantic_ids, vectors, learned)
  if saved is not None:
    used = load(saved, _facts(data, vectors), semantic_ids.codes).writer
    later = MadeLater(lambda: parts.typed_writer(before))
    none = np.zeros(len(log), bool)
    return CandidateWriters(used.of(parts.log_of(log)), later, learned, none)
  first = parts.typed_writer(before)
  # One network reads the features of both.
  used = first if before is log else parts.writer(log, scales=first)
  used = used.of(parts.log_of(log))
  return CandidateWriters(used, first, learned, parts.retyped)


@dataclasses.dataclass(frozen=True, eq=False)
class _Parts:
  """What the writers of a log are made from, whatever of it they count."""

  section: ConfigDict
  data: Data
  semantic_ids: SemanticIds
  vectors: Vectors
  learned: np.ndarray

  @functools.cached_property
  def _sources(self) -> Sources:
    return Sources(
      self.data.catalogue,
      self.vectors,
      single_items=leads_to_single_items(self.data.requests),
      sequence_steps=self.section.candidates.get("sequence_steps", 0),
    )

  @functools.cached_property
  def _drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Requests with an unknown and a typed query, and those to measure by.

    The first two are `[R]` bool, and no request is both.
    """
    rng = np.random.default_rng(0)
    log, options = self.data.requests, self.section.candidates
    # What words and vectors are worth is learned where counts are hidden.
    drawn = rng.random(len(log))
    unseen = request_mask(log) & (drawn < options.get("unseen_share", 0.0))
    typed = self.learned & (drawn >= 1 - options.get("typed_share", 0.0))
    some = rng.permutation(np.flatnonzero(self.learned))[:_MEASURED]
    return unseen, typed, some

  @functools.cached_property
  def _typed(self) -> RetypedLog:
    return retyped_log(
      self.data.requests, self._drawn[1], self.data.catalogue, self.vectors
    )

  @property
  def retyped(self) -> np.ndarray:
    """`[R]` bool, the requests that others type in other words."""
    return self._typed.changed

  def log_of(self, known: Requests) -> Log:
    """The log, whose counts are those of the training period of `known`."""
    log = self.data.requests
    return Log(
      log,
      training_event_ends(known),
      np.arange(len(log.queries)),
      self.vectors.queries,
      unseen=self._drawn[0],
    )

  def typed_writer(self, known: Requests) -> CandidateWriter:
    """As `writer`, where others type the queries of some requests."""
    unseen = self._drawn[0]
    log = Log(
      self._typed.requests,
      training_event_ends(known),
      self._typed.trained_query,
      self._typed.query_vectors,
      unseen=unseen,
    )
    return self._writer(known, log, None)

  def writer(
    self, known: Requests, scales: CandidateWriter | None = None
  ) -> CandidateWriter:
    """A writer of sources that count the training period of `known`."""
    return self._writer(known, self.log_of(known), scales)

  def _writer(
    self, known: Requests, log: Log, scales: CandidateWriter | None
  ) -> CandidateWriter:
    found = CandidateWriter(
      log,
      self._sources.of(known),
      self.semantic_ids.codes,
      size=self.section.candidates.size,
    )
    hidden_share = self.section.examples.get("hidden_share", 0.0)
    found.standardise(self._drawn[2], hidden_share=hidden_share, scales=scales)
    return found


def _facts(data: Data, vectors: Vectors) -> ItemFacts:
  one = data.catalogue
  return ItemFacts(one.texts, one.categories, one.prices, vectors.items)


def before_last(requests: Requests, *, share: float) -> Requests:
  """The log whose training period ends before its last requests.

  Args:
    requests: the log.
    share: of the training requests that led to an item, those that are held
      out in the returned log.

  Returns:
    The log with other splits; the same one where it is not split by time, or
    where this would leave nothing to count.
  """
  if share >= 1 or not split_by_time(requests):
    return requests
  led = np.zeros(len(requests), bool)
  led[requests.page_request[page_mask(requests)]] = True
  if not led.any():
    return requests
  time = requests.time
  begin = np.quantile(time[led], 1 - share, method="lower")
  last = request_mask(requests) & (time >= begin)
  if (last >= led).all():
    return requests
  split = np.where(last, np.int8(VALID), requests.split)
  return dataclasses.replace(requests, split=split)


def _uncounted(vectors: Vectors) -> Vectors:
  """The vectors without purchases: a request would read its own answer."""
  return dataclasses.replace(
    vectors,
    items=without_counts(vectors.items, vectors.counted_of_items),
    queries=without_counts(vectors.queries, vectors.counted),
  )
