"""What is planted in a held-out period is found by no reader of any source.

The same plant in the training period is found by every reader, so that a reader
that finds nothing at all fails as well.
"""

import functools
import pathlib
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
from ml_collections import ConfigDict
from scipy import sparse

from experiments.cq_sid import training_clicks
from experiments.pipeline.partners import taken_together
from experiments.pipeline.untrained import count_variables, make_vocabulary
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.sources.sequence_links import SameUsers, count_pairs
from gr_jax.data import request_lists
from gr_jax.data.cold_items import make_cold
from gr_jax.data.request_lists import (
  training_event_ends,
  training_log,
  training_sequences,
)
from gr_jax.data.requests import TRAIN
from gr_jax.dense.sasrec_training import make_log
from gr_jax.evaluation.baselines import ease, item_knn, query_counts
from gr_jax.generators.training_examples.pages import build_pages
from gr_jax.generators.training_examples.single import group_targets
from gr_jax.ranking.impressions import page_impressions
from gr_jax.ranking.sim.training import split_training
from gr_jax.rl.prompts import clicked_requests
from gr_jax.text import vectors
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference import planted


class NoText:
  """An encoder that says nothing, so that only the log can."""

  dimensions = 1

  def encode(self, texts):
    return np.zeros((len(texts), 1), np.float32)


# Every pair that is bought together shows in the vectors.
VECTORS = vectors.VectorsConfig(
  dimensions=40, shift=0.01, smoothing=0.0, history_window=3
)


def ids_of(data):
  codes = np.arange(len(data.catalogue), dtype=np.int32)[:, None]
  return SemanticIds(codes, (len(codes),))


def transitions(data):
  """Items that follow another, or that another follows."""
  section = {"window": 3, "neighbours": 40, "last": 2}
  section = ConfigDict({"count_alpha": 1.0, "transitions": section})
  found = count_variables(data, ids_of(data), section)["counts"]["transitions"]
  row, place = np.nonzero(np.asarray(found.weights))
  return np.append(row, np.asarray(found.neighbours)[row, place])


def item_vectors(data):
  return vectors.item_vectors(
    data.catalogue, data.requests, encoder=NoText(), config=VECTORS
  )


def query_vectors(data):
  return vectors.query_vectors(
    data.requests, item_vectors(data), encoder=NoText(), config=VECTORS
  )


def queries_with_vectors(data):
  found = query_vectors(data)
  return words_of(data, np.flatnonzero(found.any(axis=1)))


def words_of(data, rows):
  return {w for query in data.requests.queries[rows] for w in query.split()}


def counted(data):
  state = query_counts.fit(data.requests, data.catalogue.popularity)
  return state.order[state.weights.tocoo().col]


def neighbours(data):
  sequences = training_sequences(data.requests)
  state = item_knn.fit(sequences, num_items=len(data.catalogue))
  pairs = state.weights.tocoo()
  return np.append(pairs.row, state.order[pairs.col])


def autoencoded(data):
  """Items that another is foretold from, or that are foretold."""
  sequences, size = training_sequences(data.requests), len(data.catalogue)
  state = ease.fit(sequences, num_items=size, ridge=1.0)
  scores = state.scores(sparse.eye_array(size, dtype=np.float32).tocsr())
  row, column = np.nonzero(np.abs(scores(0, size)) > 1e-6)
  return state.order[np.append(row, column)]


def swing_partners(data):
  """Items of the lists of which the contrast's partners are made.

  Similarities need two people: a plant that one bought would not be found.
  """
  return taken_together(data.requests).rows


def sasrec_items(data):
  log = make_log(*training_log(data.requests), length=2)
  return np.asarray(log.items)[np.asarray(log.owners) >= 0]


def candidate_popularity(data):
  """Items that the candidates' source of popularity has counted."""
  log, size = data.requests, len(data.catalogue)
  counted = training_event_ends(log)
  source = Popularity(log, counted, num_items=size)
  return np.append(np.flatnonzero(source._counts), source._top)


def candidate_links(data):
  """Items that are linked to another by the candidates' sources."""
  sequences, size = training_sequences(data.requests), len(data.catalogue)
  pairs = [
    count_pairs(sequences, num_items=size, window=3).pairs.tocoo(),
    SameUsers("same_users", sequences, num_items=size)._both.tocoo(),
  ]
  return np.concatenate([np.append(x.row, x.col) for x in pairs])


def candidate_queries(data):
  """Items that queries propose by their counts."""
  found = QueryItems(data.requests, item_vectors(data), query_vectors(data))
  return found.state()["keys"] % len(data.catalogue)


def preference_pages(data):
  rows = np.concatenate(split_training(data.requests, 0.5))
  # One random item a click, where nothing was shown but not clicked.
  found = page_impressions(
    data.requests, rows, num_items=len(data.catalogue), negatives=1
  )
  return found.items[found.labels]


def histories_learned(data):
  pairs = group_targets(data.requests, split=TRAIN)
  return request_lists.histories(data.requests, pairs.request).rows


def vocabulary(data):
  prompt = SimpleNamespace(user_buckets=4)
  found = make_vocabulary(data, ids_of(data), prompt)
  return {*found.words, *found.facts}


# Catalogue rows or words that each reader reads from the log.
READERS = {
  "popularity": lambda data: np.flatnonzero(data.catalogue.popularity),
  "sequences": lambda data: training_sequences(data.requests).rows,
  "item_knn": neighbours,
  "ease": autoencoded,
  "sasrec": sasrec_items,
  "transitions": transitions,
  "candidate_popularity": candidate_popularity,
  "candidate_links": candidate_links,
  "baskets": lambda data: vectors.training_baskets(data.requests, window=3)[1],
  "item_vectors": lambda data: np.flatnonzero(item_vectors(data).any(axis=1)),
  "swing": swing_partners,
  "targets": lambda data: group_targets(data.requests, split=TRAIN).item,
  "histories": histories_learned,
  "pages": lambda data: (
    build_pages(
      data.requests,
      np.arange(len(data.catalogue)),
      split=TRAIN,
      max_exposures=9,
    ).ids
  ),
  "alignment": lambda data: (
    request_lists.targets(
      data.requests, clicked_requests(data.requests, split=TRAIN)
    ).rows
  ),
  "preference": preference_pages,
}
OF_VALUES = {"values": lambda data: np.flatnonzero(data.catalogue.values)}
OF_QUERIES = {
  "query_counts": counted,
  "candidate_queries": candidate_queries,
  "cq_sid_clicks": lambda data: training_clicks(data.requests)[0],
  "query_vectors": queries_with_vectors,
  "vocabulary": vocabulary,
}


def cases():
  for name, source in planted.SOURCES.items():
    readers = dict(READERS)
    readers |= OF_QUERIES if source.queries else {}
    readers |= OF_VALUES if source.values else {}
    if not source.histories:
      del readers["histories"]
    for reader, read in readers.items():
      yield pytest.param(name, read, id=f"{name}-{reader}")


@functools.cache
def loaded(name: str, period: str):
  with tempfile.TemporaryDirectory() as folder:
    catalogue, requests = planted.SOURCES[name].load(
      pathlib.Path(folder), period
    )
  return SimpleNamespace(catalogue=catalogue, requests=requests)


def finds(reader, data) -> bool:
  """Whether a reader finds any of what was planted."""
  found = reader(data)
  if isinstance(found, set):
    return not found.isdisjoint((planted.WORD, planted.FACT))
  names = (planted.PLANTED, planted.BESIDE)
  rows = np.flatnonzero(np.isin(data.catalogue.item_ids.astype(str), names))
  return bool(np.isin(found, rows).any())


@pytest.mark.parametrize(("name", "read"), list(cases()))
def test_what_is_planted_is_found_in_training_alone(name, read):
  for period, split in planted.PERIODS.items():
    data = loaded(name, period)
    rows = np.flatnonzero(
      data.catalogue.item_ids.astype(str) == planted.PLANTED
    )
    led = np.isin(data.requests.page_item, rows)
    assert set(data.requests.split[data.requests.page_request[led]]) == {split}
    assert finds(read, data) == (period == "train"), period


@pytest.mark.parametrize(("name", "read"), list(cases()))
def test_what_is_made_cold_is_found_by_no_reader(name, read):
  data = loaded(name, "train")
  names = data.catalogue.item_ids.astype(str)
  cold = np.isin(names, (planted.PLANTED, planted.BESIDE))
  catalogue, requests, _ = make_cold(data.catalogue, data.requests, cold)
  left = SimpleNamespace(catalogue=catalogue, requests=requests)
  # In the made-up shop the word led to another item as well.
  asked = name == "shop_world" and isinstance(read(left), set)
  assert finds(read, left) == asked
