import functools

import numpy as np
import pytest

from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.own import OwnItems
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.writer import CandidateWriter
from tests.reference import candidate_log, small_world

SIZE = 9


@functools.cache
def writer(size=SIZE):
  log = candidate_log.log()
  finest = finest_category(small_world.shop().catalogue.categories)
  sources = (
    OwnItems(finest, span=30_000.0),
    Popularity(log.requests, log.counted, num_items=60, most=8),
    QueryItems(log.requests, *candidate_log.vectors(), most=8, near=4),
  )
  codes = small_world.semantic_ids().codes
  found = CandidateWriter(log, sources, codes, size=size)
  found.standardise(candidate_log.batch().requests[:, 0], hidden_share=0.2)
  return found


@pytest.mark.parametrize("split", candidate_log.splits())
@pytest.mark.parametrize("shown", [True, False])
def test_rows_hold_the_pairs_with_their_codes_and_features(split, shown):
  batch = candidate_log.batch(split=split, shown=shown)
  written = writer()(batch.requests, shown=batch.shown)
  pairs = writer().pairs(batch)
  features = writer().features(batch, pairs)
  for owner in range(batch.num_requests):
    mine = pairs.owners == owner
    count = mine.sum()
    assert 0 < count <= SIZE
    np.testing.assert_array_equal(
      written.mask[owner, 0], np.arange(SIZE) < count
    )
    np.testing.assert_array_equal(
      written.codes[owner, 0, :count],
      small_world.semantic_ids().codes[pairs.items[mine]],
    )
    assert (written.codes[owner, 0, count:] == -1).all()
    # One line of scales for all: standardised, then cut.
    scaled = (features[mine] - writer().mean) * writer().scale
    np.testing.assert_allclose(
      written.features[owner, 0, :count], np.clip(scaled, -5, 5), rtol=1e-5
    )


def test_requests_of_a_row_are_written_as_each_alone():
  log = candidate_log.log().requests
  first = np.flatnonzero(log.history_end > log.user_offsets[log.user])[:40]
  same = np.stack([first, first], axis=1)
  both = writer()(same, shown=np.ones(40, bool))
  alone = writer()(first[:, None], shown=np.ones(40, bool))
  for name in ("codes", "features", "mask"):
    pair, one = getattr(both, name), getattr(alone, name)
    np.testing.assert_array_equal(pair[:, :1], one)
    np.testing.assert_array_equal(pair[:, 1:], one)


def test_measured_features_have_mean_zero_and_deviation_one():
  rows = candidate_log.batch().requests[:, 0]
  rng = np.random.default_rng(0)
  batch = RequestBatch(
    candidate_log.log(), rows[:, None], rng.random(len(rows)) >= 0.2
  )
  found = writer().features(batch, writer().pairs(batch))
  scaled = (found - writer().mean) * writer().scale
  np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-3)
  varied = found.std(0) > 1e-3
  np.testing.assert_allclose(scaled.std(0)[varied], 1, rtol=1e-3)
  assert varied.sum() > 10


@pytest.mark.parametrize("shown", [True, False])
def test_items_are_those_whose_codes_are_written(shown):
  batch = candidate_log.batch(shown=shown)
  written = writer()(batch.requests, shown=batch.shown)
  items, features = writer().items(batch.requests, shown=batch.shown)
  np.testing.assert_array_equal(items >= 0, written.mask)
  np.testing.assert_array_equal(features, written.features)
  codes = small_world.semantic_ids().codes
  there = written.mask
  np.testing.assert_array_equal(codes[items[there]], written.codes[there])
