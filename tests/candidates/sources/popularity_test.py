import dataclasses

import numpy as np
import pytest

from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.data.requests import TEST
from tests.reference import candidate_log


def made():
  log = candidate_log.log()
  return Popularity(log.requests, log.counted, num_items=candidate_log.ITEMS)


@pytest.mark.parametrize("split", candidate_log.splits())
def test_counts_are_of_training_without_the_users_own_future(split):
  batch = candidate_log.batch(split=split)
  pairs = candidate_log.all_pairs(batch)
  log, requests = batch.log, batch.log.requests
  found = made().describe(batch, pairs)[:, 0].reshape(-1, candidate_log.ITEMS)
  events = np.arange(len(requests.event_item))
  for row, request in enumerate(batch.requests[:, 0]):
    user = requests.user[request]
    ends = log.counted.copy()
    ends[user] = min(ends[user], requests.history_end[request])
    kept = events < ends[requests.event_user]
    counts = np.bincount(requests.event_item[kept], minlength=60)
    np.testing.assert_allclose(found[row], np.log1p(counts), rtol=1e-6)


def test_recent_counts_end_two_periods_before_the_request():
  batch = candidate_log.batch(split=TEST)
  log, requests = batch.log, batch.log.requests
  trained = (
    np.arange(len(requests.event_item)) < log.counted[requests.event_user]
  )
  times = requests.event_time[trained]
  items = requests.event_item[trained]
  period = (times.max() - times.min() + 1) / 50
  number = ((times - times.min()) / period).astype(int)
  pairs = candidate_log.all_pairs(batch)
  found = made().describe(batch, pairs)[:, 1].reshape(-1, candidate_log.ITEMS)
  for row, now in enumerate(batch.times):
    last = min((now - times.min()) // period - 1, 50)
    kept = (number < last) & (number >= last - 4)
    counts = np.bincount(items[kept], minlength=60)
    np.testing.assert_allclose(found[row], np.log1p(counts), rtol=1e-6)


def test_popular_items_are_proposed_where_there_is_no_query():
  log, batch = candidate_log.log(), candidate_log.batch()
  source = Popularity(log.requests, log.counted, num_items=60, most=1)
  proposed = source.propose(batch)
  assert set(proposed.owners) == set(np.flatnonzero(batch.queries < 0))
  trained = (
    np.arange(len(log.requests.event_item))
    < log.counted[log.requests.event_user]
  )
  counts = np.bincount(log.requests.event_item[trained], minlength=60)
  assert counts.argmax() in proposed.items
  assert len(set(proposed.items)) <= 2


def test_a_new_item_is_as_popular_as_its_neighbours_on_average():
  facts, batch = candidate_log.facts(), candidate_log.batch(split=TEST)
  more = dataclasses.replace(
    facts, vectors=np.append(facts.vectors, facts.vectors[:1] / 3, 0)
  )
  lent = more.neighbours_of_new(60).toarray()[0]
  source = made()
  grown = source.grown(more)
  pairs = Pairs(np.arange(batch.num_requests * 61), 61)
  found = grown.describe(batch, pairs).reshape(-1, 61, 3)
  old = source.describe(batch, candidate_log.all_pairs(batch))
  np.testing.assert_allclose(found[:, :60].reshape(-1, 3), old)
  np.testing.assert_allclose(
    found[:, 60, 0], np.log1p(lent @ source._counts), rtol=1e-5
  )
  recent = np.expm1(found[..., 1].astype(np.float64))
  np.testing.assert_allclose(
    recent[:, 60], recent[:, :60] @ lent, rtol=1e-4, atol=1e-5
  )
