import dataclasses
import functools

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.candidates import (
  candidate_writer,
  has_baskets,
  tfidf,
  usual_span,
)
from experiments.pipeline.prepare import Data
from gr_jax.data.requests import TEST, TRAIN
from tests.reference import small_logs, small_world, tiny_tokenizers


def section(size):
  return ConfigDict(
    {"candidates": {"size": size}, "examples": {"hidden_share": 0.1}}
  )


@functools.cache
def made(folder):
  data = tiny_tokenizers.data(folder)
  vectors = tiny_tokenizers.vectors(folder)
  ids = small_world.semantic_ids()
  return data, candidate_writer(section(16), data, ids, vectors)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  return made(tmp_path_factory.mktemp("data"))


def test_there_are_none_where_the_section_asks_for_none(tmp_path):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  ids = small_world.semantic_ids()
  assert candidate_writer(section(0), data, ids, vectors) is None
  assert candidate_writer(ConfigDict(), data, ids, vectors) is None


def test_features_have_names_of_their_own_and_are_of_one_size(built):
  data, writer = built
  assert len({*writer.names}) == len(writer.names)
  rows = np.flatnonzero(data.requests.split == TRAIN)[:200]
  written = writer(rows[:, None], shown=np.ones(len(rows), bool))
  features = written.features[written.mask]
  assert features.shape[1] == len(writer.names)
  assert np.abs(features.mean(axis=0)).max() < 1.5
  assert (features.std(axis=0) < 3).all()


def test_targets_are_among_the_candidates_more_often_than_by_chance(built):
  data, writer = built
  requests = data.requests
  rows = np.flatnonzero(requests.split == TEST)
  rows = rows[[len(requests.targets(r)) > 0 for r in rows]]
  written = writer(rows[:, None], shown=np.ones(len(rows), bool))
  codes = small_world.semantic_ids().codes
  known = [
    (written.codes[i, 0] == codes[requests.targets(row)[0]]).all(-1).any()
    for i, row in enumerate(rows)
  ]
  assert np.mean(known) > 1.5 * written.mask.sum(-1).mean() / 60


def test_a_target_changes_no_feature_of_its_own_request(built):
  """The log of which a user has the history alone gives the same features."""
  data, writer = built
  requests = data.requests
  row = next(
    r
    for r in np.flatnonzero(requests.split == TRAIN)[::-1]
    if requests.history_end[r] > requests.user_offsets[requests.user[r]] + 3
  )
  asked = np.array([[row]])
  found = writer(asked, shown=np.ones(1, bool))
  source_names = ("windowed_score", "popularity", "own_count")
  columns = [writer.names.index(name) for name in source_names]
  user = requests.user[row]
  end = requests.history_end[row]
  stop = requests.user_offsets[user + 1]
  other = requests.event_item.copy()
  other[end:stop] = (other[end:stop] + 7) % 60
  changed = dataclasses.replace(requests, event_item=other)
  popularity = data.catalogue.popularity
  data = Data(
    dataclasses.replace(data.catalogue, popularity=popularity),
    changed,
    data.artefact,
  )
  vectors = tiny_tokenizers.vectors(data.artefact.directory.parent)
  ids = small_world.semantic_ids()
  again = candidate_writer(section(16), data, ids, vectors)
  again.mean, again.scale = writer.mean, writer.scale
  for one, two in zip(writer.sources, again.sources):
    if hasattr(one, "_scale"):
      two._scale = one._scale
  twice = again(asked, shown=np.ones(1, bool))
  codes = found.codes[0, 0], twice.codes[0, 0]
  for i, code in enumerate(codes[0]):
    j = np.flatnonzero((codes[1] == code).all(-1) & twice.mask[0, 0])
    if found.mask[0, 0, i] and len(j):
      np.testing.assert_allclose(
        found.features[0, 0, i, columns],
        twice.features[0, 0, j[0], columns],
        atol=1e-4,
      )


def test_a_usual_span_is_the_median_of_the_users():
  log = small_logs.requests_of([[0, 1, 2, 0], [1], [1, 2]])
  assert usual_span(log) == 1.0  # Of 3, 0 and 1.
  assert not has_baskets(log)


def test_texts_are_unit_vectors_of_words_and_categories():
  catalogue = small_world.shop().catalogue
  found = tfidf(catalogue)
  norms = np.sqrt(found.multiply(found).sum(axis=1))
  np.testing.assert_allclose(norms, 1, rtol=1e-5)
  same = [f"{t} {c}" for t, c in zip(catalogue.texts, catalogue.categories)]
  cosine = (found @ found.T).toarray()
  twins = [(i, same.index(s)) for i, s in enumerate(same) if same.index(s) < i]
  for one, other in twins:
    assert cosine[one, other] == pytest.approx(1, abs=1e-5)
