"""The candidates that a generator reads, from the data of a run."""

import dataclasses

import numpy as np
from ml_collections import ConfigDict
from scipy import sparse

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.candidates.log import Log, new_visits
from gr_jax.candidates.sources.likeness import Likeness, like_texts, with_itself
from gr_jax.candidates.sources.links import Links
from gr_jax.candidates.sources.own import OwnItems
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.sources.sequence_links import (
  SameUsers,
  Windowed,
  count_pairs,
)
from gr_jax.candidates.sources.source import Source
from gr_jax.candidates.sources.tastes import (
  Tastes,
  finest_category,
  word_matrix,
)
from gr_jax.candidates.sources.words import Words
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.request_lists import (
  training_event_ends,
  training_sequences,
)
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import request_mask
from gr_jax.text.encoder import unit_rows
from gr_jax.text.vectors import without_counts
from gr_jax.text.words import index_words
from gr_jax.tokenizers.semantic_ids import SemanticIds

# Places that pairs are apart: the items of a basket have no order.
_WINDOW, _WINDOW_OF_BASKETS = 3, 10

# Items up to which all are compared with all.
_COMPARED = 30_000

# Training requests whose candidates say how large features are.
_MEASURED = 2000


def candidate_writer(
  section: ConfigDict, data: Data, semantic_ids: SemanticIds, vectors: Vectors
) -> CandidateWriter | None:
  """The writer that a generator section describes; None without candidates.

  Args:
    section: may have `candidates` with `size`, the number of candidates of a
      request; 0 = none, and `unseen_share`, the share of training requests
      that see their query as one that training never saw. Has
      `examples.hidden_share`.
    data: the catalogue and the log.
    semantic_ids: the IDs of the catalogue.
    vectors: of items and queries.
  """
  size = section.get("candidates", {}).get("size", 0)
  if not size:
    return None
  log = data.requests
  counted = training_event_ends(log)
  vectors = _uncounted(vectors)
  sources = _sources(data, counted, vectors)
  trained = request_mask(log)
  rng = np.random.default_rng(0)
  share = section.candidates.get("unseen_share", 0.0)
  log_of_requests = Log(
    log,
    counted,
    np.arange(len(log.queries)),
    vectors.queries,
    # What words and vectors are worth is learned where counts are hidden.
    unseen=trained & (rng.random(len(log)) < share),
  )
  writer = CandidateWriter(
    log_of_requests, sources, semantic_ids.codes, size=size
  )
  some = rng.permutation(np.flatnonzero(trained))[:_MEASURED]
  hidden_share = section.examples.get("hidden_share", 0.0)
  writer.standardise(some, hidden_share=hidden_share)
  return writer


def _sources(
  data: Data, counted: np.ndarray, vectors: Vectors
) -> tuple[Source, ...]:
  catalogue, log = data.catalogue, data.requests
  finest = finest_category(catalogue.categories)
  return (
    *_links(data, vectors),
    OwnItems(finest, span=usual_span(log)),
    Popularity(log, counted, num_items=len(catalogue)),
    QueryItems(log, vectors.items),
    Words(catalogue.texts),
    Tastes(
      catalogue.texts, catalogue.categories, catalogue.values, vectors.items
    ),
  )


def _uncounted(vectors: Vectors) -> Vectors:
  """The vectors without purchases: a request would read its own answer."""
  return dataclasses.replace(
    vectors,
    items=without_counts(vectors.items, vectors.counted_of_items),
    queries=without_counts(vectors.queries, vectors.counted),
  )


def _links(data: Data, vectors: Vectors) -> list[Links]:
  """Items that go with those of the history; none without histories."""
  catalogue, log = data.catalogue, data.requests
  sequences = training_sequences(log)
  if not len(sequences.rows):
    return []
  size = len(catalogue)
  window = _WINDOW_OF_BASKETS if has_baskets(log) else _WINDOW
  counts = count_pairs(sequences, num_items=size, window=window)
  found: list[Links] = [
    Windowed("windowed", counts),
    Windowed("newest", counts, last=1),
    SameUsers("same_users", sequences, num_items=size),
  ]
  if size > _COMPARED:
    return found
  words = tfidf(catalogue)
  texts = like_texts(words)
  near = with_itself(like_texts(words, keep=20), 1.0)
  found += [
    Windowed("lent", counts, after=near),
    Windowed("borrowed", counts, before=near),
    Likeness("texts", texts),
    Likeness("newest_text", texts, last=1),
    Likeness("vectors", like_texts(unit_rows(vectors.items), power=6)),
  ]
  return found


def has_baskets(log: Requests) -> bool:
  """Whether several items of a user usually have one time."""
  return len(log.event_item) > 1.5 * new_visits(log).sum()


def tfidf(catalogue: Catalogue) -> sparse.csr_array:
  """`[N, V]` unit rows, `log(1 + N / df)` of words and categories."""
  words = word_matrix(
    [
      [*index_words(text), *(f"category {c}" for c in enumerate(path))]
      for text, path in zip(catalogue.texts, catalogue.categories.tolist())
    ]
  )
  weight = np.log(1 + len(catalogue) / np.maximum(words.sum(axis=0), 1))
  scaled = (words @ sparse.diags_array(weight)).tocsr()
  norms = np.sqrt(scaled.multiply(scaled).sum(axis=1))
  share = 1 / np.maximum(norms, 1e-9)
  return (sparse.diags_array(share) @ scaled).tocsr().astype(np.float32)


def usual_span(log: Requests) -> float:
  """The median time from the first to the last event of a user."""
  first, end = log.user_offsets[:-1], log.user_offsets[1:]
  some = end > first
  spans = log.event_time[end[some] - 1] - log.event_time[first[some]]
  return float(np.median(spans)) if len(spans) else 1.0
