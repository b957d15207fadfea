import dataclasses
import functools

import chex
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.candidates import before_last, candidate_writers
from experiments.pipeline.prepare import Data
from experiments.pipeline.sources import Sources
from gr_jax.candidates import saved
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.data.requests import CLICKED, TEST, TRAIN
from gr_jax.data.training_period import request_mask
from tests.reference import small_world, tiny_tokenizers


def section(size):
  return ConfigDict(
    {"candidates": {"size": size}, "examples": {"hidden_share": 0.1}}
  )


@functools.cache
def made(folder):
  data = tiny_tokenizers.data(folder)
  vectors = tiny_tokenizers.vectors(folder)
  ids = small_world.semantic_ids()
  return data, candidate_writers(section(16), data, ids, vectors).used


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  return made(tmp_path_factory.mktemp("data"))


def test_there_are_none_where_the_section_asks_for_none(tmp_path):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  ids = small_world.semantic_ids()
  assert candidate_writers(section(0), data, ids, vectors) is None
  assert candidate_writers(ConfigDict(), data, ids, vectors) is None


def test_candidates_without_popularity_are_refused(tmp_path):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  one = section(16)
  one.count_alpha = 0.0
  with pytest.raises(ValueError, match=r"count_alpha above 0, or candidates"):
    candidate_writers(one, data, small_world.semantic_ids(), vectors)


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
  again = candidate_writers(section(16), data, ids, vectors).used
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


def by_time(requests):
  """The log with the last requests of all users held out, none at a tie."""
  times = np.sort(np.unique(requests.time))
  split = np.where(requests.time >= times[-len(times) // 5], TEST, TRAIN)
  return dataclasses.replace(requests, split=split.astype(np.int8))


def cut_writers(folder, **options):
  """The writers of the log that is split by time."""
  data = tiny_tokenizers.data(folder)
  data = Data(data.catalogue, by_time(data.requests), data.artefact)
  vectors = tiny_tokenizers.vectors(folder)
  one, ids = section(16), small_world.semantic_ids()
  one.candidates.learned_share = 0.3
  return data.requests, candidate_writers(one, data, ids, vectors, **options)


@functools.cache
def cut(folder):
  return cut_writers(folder)


def test_the_last_requests_are_learned_with_counts_of_what_was_before(built):
  log, writers = cut(built[0].artefact.directory.parent)
  learned, others = writers.requests, request_mask(log) & ~writers.requests
  begin = log.time[learned].min()
  assert log.time[others].max() < begin
  led = np.unique(log.page_request[log.page_kind >= CLICKED])
  share = learned[led].sum() / request_mask(log)[led].sum()
  assert share == pytest.approx(0.3, abs=0.05)
  used, before = (
    one.sources[[type(s) for s in one.sources].index(Popularity)]._counts
    for one in (writers.used, writers.learned)
  )
  early = log.event_time < begin
  expected = np.bincount(log.event_item[early], minlength=60)
  np.testing.assert_array_equal(before, expected)
  assert used.sum() > before.sum()


def test_both_writers_share_the_scales_of_features(built):
  _, writers = cut(built[0].artefact.directory.parent)
  np.testing.assert_array_equal(writers.used.mean, writers.learned.mean)
  np.testing.assert_array_equal(writers.used.scale, writers.learned.scale)
  assert writers.used.names == writers.learned.names


def test_all_is_learned_where_the_split_is_not_by_time(built):
  data, _ = built
  log = data.requests
  split = np.where(log.time == log.time.min(), TEST, TRAIN).astype(np.int8)
  log = dataclasses.replace(log, split=split)
  assert before_last(log, share=0.3) is log


def test_all_is_learned_where_the_share_is_one_or_nothing_is_before(built):
  log = by_time(built[0].requests)
  assert before_last(log, share=1.0) is log
  first = np.where(log.time == log.time.min(), TRAIN, TEST).astype(np.int8)
  at_once = dataclasses.replace(log, split=first)
  assert before_last(at_once, share=0.3) is at_once


def test_a_saved_writer_takes_the_place_of_one_that_counts(
  built, tmp_path, monkeypatch
):
  folder = built[0].artefact.directory.parent
  log, writers = cut(folder)
  saved.save(writers.used, tmp_path / "saved")
  counted, of = [], Sources.of

  def counting(sources, known):
    counted.append(known)
    return of(sources, known)

  monkeypatch.setattr(Sources, "of", counting)
  _, again = cut_writers(folder, saved=tmp_path / "saved")
  np.testing.assert_array_equal(again.requests, writers.requests)
  assert again.used.names == writers.used.names
  test = np.flatnonzero(log.split == TEST)[:, None]
  for shown in (True, False):
    mask = np.full(len(test), shown)
    chex.assert_trees_all_equal(
      again.used(test, shown=mask), writers.used(test, shown=mask)
    )
  assert not counted
  learned = np.flatnonzero(writers.requests)[:40, None]
  mask = np.arange(len(learned)) % 3 > 0
  expected = writers.learned(learned, shown=mask)
  for _ in range(2):
    found = again.learned(learned, shown=mask)
    chex.assert_trees_all_equal(found, expected)
  assert len(counted) == 1  # When it first writes.
