import dataclasses

import numpy as np
import pytest

from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import CLICKED, ORDERED, TRAIN, Requests
from tests.reference import candidate_log, small_logs


def made(**options):
  items, _ = candidate_log.vectors()
  return QueryItems(candidate_log.log().requests, items, **options)


def counts_of(batch):
  """`[B, N]` clicks of each request's query, its user's later ones left out."""
  requests = batch.log.requests
  found = np.zeros((batch.num_requests, candidate_log.ITEMS), int)
  for row, request in enumerate(batch.requests[:, 0]):
    for other in np.flatnonzero(requests.split == TRAIN):
      later = requests.history_end[other] >= requests.history_end[request]
      mine = requests.user[other] == requests.user[request]
      if requests.query[other] != requests.query[request] or (mine and later):
        continue
      page = slice(
        requests.page_offsets[other], requests.page_offsets[other + 1]
      )
      led = requests.page_kind[page] >= CLICKED
      np.add.at(found[row], requests.page_item[page][led], 1)
  return np.where((batch.queries >= 0)[:, None], found, 0)


@pytest.mark.parametrize("split", candidate_log.splits())
def test_counts_are_those_of_a_log_that_ends_for_its_user(split):
  batch = candidate_log.batch(split=split)
  found = made().describe(batch, candidate_log.all_pairs(batch))
  expected = counts_of(batch)
  np.testing.assert_allclose(
    found[:, 0].reshape(expected.shape), np.log1p(expected), rtol=1e-6
  )
  assert expected.any()


def test_cosines_are_those_of_the_vectors():
  items, queries = candidate_log.vectors()
  batch = candidate_log.batch()
  pairs = candidate_log.all_pairs(batch)
  found = made().describe(batch, pairs)[:, 4].reshape(-1, candidate_log.ITEMS)
  for row, query in enumerate(batch.queries):
    lengths = np.linalg.norm(items, axis=1) * np.linalg.norm(queries[query])
    expected = items @ queries[query] / lengths if query >= 0 else 0 * lengths
    np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_a_query_proposes_what_it_led_to_then_its_neighbours():
  batch = candidate_log.batch()
  proposed = made(most=3, near=2).propose(batch)
  keys = set(zip(proposed.owners, proposed.items))
  assert len(keys) == len(proposed.owners)
  assert set(proposed.owners) == set(np.flatnonzero(batch.queries >= 0))
  items, queries = candidate_log.vectors()
  unit = items / np.linalg.norm(items, axis=1, keepdims=True)
  for owner in set(proposed.owners):
    mine = proposed.owners == owner
    order = proposed.items[mine][np.argsort(-proposed.scores[mine])]
    nearest = np.argsort(-(unit @ queries[batch.queries[owner]]))[:2]
    assert set(nearest) <= set(order)


def test_a_query_that_training_never_saw_has_vectors_only():
  known = candidate_log.batch()
  log = known.log
  unknown = np.full(len(log.trained_query), -1)
  batch = RequestBatch(
    Log(log.requests, log.counted, unknown, log.query_vectors),
    known.requests,
    known.shown,
  )
  source = made(near=4)
  found = source.describe(batch, candidate_log.all_pairs(batch))
  assert not found[:, :4].any()
  assert found[:, 4].any()
  proposed = source.propose(batch)
  with_query = (batch.queries >= 0).sum()
  assert len(proposed.owners) == 4 * with_query


def test_an_unseen_request_reads_its_query_as_an_unknown_one():
  known = candidate_log.batch()
  log = known.log
  hidden = dataclasses.replace(
    log, unseen=np.ones(len(log.requests), bool), kept={}
  )
  never = dataclasses.replace(
    log, trained_query=np.full(len(log.trained_query), -1), kept={}
  )
  source, pairs = made(near=4), candidate_log.all_pairs(known)
  found, expected = (
    source.describe(RequestBatch(each, known.requests, known.shown), pairs)
    for each in (hidden, never)
  )
  np.testing.assert_array_equal(found, expected)
  assert (source.describe(known, pairs) != found).any()


def test_a_query_that_only_the_user_asked_is_as_good_as_unknown():
  """Neither its counts nor its proposals say what the request led to."""
  log = candidate_log.log()
  requests = log.requests
  asks = np.bincount(
    requests.query[(requests.split == TRAIN) & (requests.query >= 0)],
    minlength=len(requests.queries),
  )
  once = np.flatnonzero((requests.split == TRAIN) & (requests.query >= 0))
  once = once[asks[requests.query[once]] == 1][:5]
  batch = RequestBatch(log, once[:, None], np.ones(len(once), bool))
  source = made(near=4)
  found = source.describe(batch, candidate_log.all_pairs(batch))
  assert not found[:, :4].any()
  assert len(source.propose(batch).owners) == 4 * len(once)


def test_own_clicks_are_found_among_many_users_and_events():
  """Numbers of users times events are above 2^31 here."""
  size, items = 50_000, 5000
  rows, ones = np.arange(size), np.ones(size)
  log = Requests(
    user_ids=object_array(list(map(str, rows))),
    profiles=object_array([()] * size),
    user_offsets=np.arange(size + 1),
    event_item=(rows % items).astype(np.int32),
    event_time=rows,
    user=rows.astype(np.int32),
    time=rows,
    history_end=rows,
    query=np.zeros(size, np.int32),
    split=np.zeros(size, np.int8),
    page_offsets=np.arange(size + 1),
    page_item=(rows % items).astype(np.int32),
    page_kind=(ORDERED * ones).astype(np.int8),
    page_value=ones.astype(np.float32),
    queries=object_array(["all"]),
  )
  source = QueryItems(log, np.ones((items, 1)))
  known = Log(log, log.user_offsets[1:], np.zeros(1, np.int64), np.ones((1, 1)))
  for some in (rows[-2:], rows[-1:], rows[20_000:20_002]):
    batch = RequestBatch(known, some[:, None], np.zeros(len(some), bool))
    owners = np.arange(len(some))
    pairs = Pairs(owners * items + some % items, items)
    found = np.expm1(source.describe(batch, pairs)[:, 0])
    # Ten users chose each item.
    np.testing.assert_allclose(found, np.full(len(some), 9), rtol=1e-4)


def test_a_log_without_queries_says_nothing_of_them():
  log = small_logs.requests_of([[0, 1, 2], [1, 2]])
  source = QueryItems(log, np.eye(3, dtype=np.float32))
  known = Log(
    log, log.user_offsets[1:], np.zeros(0, np.int64), np.zeros((0, 3))
  )
  rows = np.arange(len(log))
  batch = RequestBatch(known, rows[:, None], np.ones(len(rows), bool))
  pairs = Pairs(np.arange(len(rows) * 3), 3)
  assert not source.describe(batch, pairs).any()
