import dataclasses

import numpy as np
import pytest

from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.left_counts import LeftCounts, Read
from gr_jax.candidates.sources.query_types import QueryTypes
from gr_jax.text.encoder import unit_rows
from tests.reference import candidate_log


def types_of(facts):
  return finest_category(facts.categories)


def made():
  facts = candidate_log.facts()
  return QueryTypes.of_log(
    candidate_log.log().requests, types_of(facts), unit_rows(facts.vectors)
  )


def item_counts():
  items = np.arange(candidate_log.ITEMS)
  return LeftCounts.of_log(candidate_log.log().requests, items, len(items))


def as_written(batch):
  rows = batch.queries[:, None]
  totals = item_counts().totals(batch, rows)
  return Read(rows, 1.0 * (totals > 0), totals, 1.0 * (totals[:, 0] > 0))


def described(source, batch, read, size=candidate_log.ITEMS):
  """`[3, B, N]`."""
  pairs = Pairs(np.arange(batch.num_requests * size), size)
  found = source.describe(batch, read, pairs)
  return np.moveaxis(found.reshape(batch.num_requests, size, -1), -1, 0)


@pytest.mark.parametrize("split", candidate_log.splits())
def test_a_type_has_the_share_of_all_its_items(split):
  batch = candidate_log.batch(split=split)
  read, types = as_written(batch), types_of(candidate_log.facts())
  pairs = candidate_log.all_pairs(batch)
  shares = item_counts().shares(batch, read, pairs.owners, pairs.items)
  same = types[:, None] == types
  shares = shares.reshape(-1, candidate_log.ITEMS) @ same
  assert (shares > 0).any()
  known = read.totals > 0
  expected = np.where(known, np.log(shares + 1e-3), 0)
  found, _, _ = described(made(), batch, read)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_cosines_are_those_of_the_mean_vectors_of_types():
  facts, batch = candidate_log.facts(), candidate_log.batch()
  items, types = unit_rows(facts.vectors), types_of(facts)
  means = np.array([items[types == t].mean(axis=0) for t in np.unique(types)])
  means /= np.linalg.norm(means, axis=1, keepdims=True)
  _, cosine, lead = described(made(), batch, as_written(batch))
  for row, query in enumerate(batch.queries.tolist()):
    if query < 0:
      assert not cosine[row].any()
      assert not lead[row].any()
      continue
    expected = means @ batch.log.unit_query_vectors[query]
    np.testing.assert_allclose(cosine[row], expected[types], atol=1e-5)
    np.testing.assert_allclose(
      lead[row], expected[types] - expected.max(), atol=1e-5
    )


def test_a_new_item_is_of_the_type_of_its_path_or_of_one_of_its_own():
  facts = candidate_log.facts()
  log = dataclasses.replace(candidate_log.log(), live=True, kept={})
  known = candidate_log.batch()
  batch = RequestBatch(log, known.requests, known.shown)
  read, first = as_written(batch), made()
  source = QueryTypes.restored(
    first.state(),
    unit_rows(facts.vectors),
    num_queries=first.counts.led.num_queries,
  )
  best = int(described(first, batch, read)[0].sum(axis=0).argmax())
  other = np.full_like(facts.categories[:1], facts.categories.max() + 1)
  more = dataclasses.replace(
    facts,
    categories=np.concatenate(
      [facts.categories, facts.categories[[best]], other]
    ),
    vectors=np.append(facts.vectors, -2 * facts.vectors[[best, best]], axis=0),
  )
  size = candidate_log.ITEMS + 2
  found = described(source.grown(more), batch, read, size)
  before = described(source, batch, read)
  np.testing.assert_array_equal(found[..., :-2], before)
  np.testing.assert_array_equal(found[..., -2], before[..., best])
  has_query = batch.queries >= 0
  counted = has_query & (read.totals[:, 0] > 0)
  np.testing.assert_allclose(found[0, counted, -1], np.log(1e-3), rtol=1e-6)
  vectors = log.unit_query_vectors[batch.queries[has_query]]
  own = -unit_rows(facts.vectors)[best]
  np.testing.assert_allclose(found[1, has_query, -1], vectors @ own, atol=1e-6)


def test_requests_without_a_query_say_nothing():
  batch = candidate_log.batch()
  none = np.flatnonzero(batch.queries < 0)
  assert len(none)
  assert not described(made(), batch, as_written(batch))[:, none].any()
