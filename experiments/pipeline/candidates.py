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
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.from_data import leads_to_single_items
from experiments.pipeline.prepare import Data
from experiments.pipeline.sources import Sources
from gr_jax.candidates.log import Log
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


class CandidateWriters(NamedTuple):
  """Writers of the candidates of training requests and of all others.

  Attributes:
    used: of requests after the training period.
    learned: of training requests.
    requests: `[R]` bool, the training requests that are learned.
  """

  used: CandidateWriter
  learned: CandidateWriter
  requests: np.ndarray


def candidate_writers(
  section: ConfigDict, data: Data, semantic_ids: SemanticIds, vectors: Vectors
) -> CandidateWriters | None:
  """The writers that a generator section describes; None without candidates.

  Args:
    section: may have `candidates` with `size`, the number of candidates of a
      request, 0 = none; `sequence_steps`, of the sequence models (`Sources`);
      `learned_share`, the last share of training requests
      that are learned where the log is split by time; and `unseen_share`, of
      those that see their query as one that training never saw. Has
      `examples.hidden_share`.
    data: the catalogue and the log.
    semantic_ids: the IDs of the catalogue.
    vectors: of items and queries.
  """
  size = section.get("candidates", {}).get("size", 0)
  if not size:
    return None
  options, log = section.candidates, data.requests
  vectors = _uncounted(vectors)
  sources = Sources(
    data.catalogue,
    vectors,
    single_items=leads_to_single_items(log),
    sequence_steps=options.get("sequence_steps", 0),
  )
  trained = request_mask(log)
  rng = np.random.default_rng(0)
  # What words and vectors are worth is learned where counts are hidden.
  share = options.get("unseen_share", 0.0)
  unseen = trained & (rng.random(len(log)) < share)
  before = before_last(log, share=options.get("learned_share", 1.0))
  learned = trained & (before.split >= VALID) if before is not log else trained
  some = rng.permutation(np.flatnonzero(learned))[:_MEASURED]
  hidden_share = section.examples.get("hidden_share", 0.0)

  def writer(
    known: Requests, scales: CandidateWriter | None = None
  ) -> CandidateWriter:
    log_of_requests = Log(
      log,
      training_event_ends(known),
      np.arange(len(log.queries)),
      vectors.queries,
      unseen=unseen,
    )
    found = CandidateWriter(
      log_of_requests, sources.of(known), semantic_ids.codes, size=size
    )
    found.standardise(some, hidden_share=hidden_share, scales=scales)
    return found

  first = writer(before)
  # One network reads the features of both.
  used = first if before is log else writer(log, scales=first)
  return CandidateWriters(used, first, learned)


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
