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
  vectors = candidate_log.vectors()
  return QueryItems(candidate_log.log().requests, *vectors, **options)


def clicks_of(requests, request, query):
  """`[N]` clicks of a query, those left out that the user later made."""
  found = np.zeros(candidate_log.ITEMS, int)
  asked = (requests.split == TRAIN) & (requests.query == query)
  for other in np.flatnonzero(asked):
    later = requests.history_end[other] >= requests.history_end[request]
    if requests.user[other] == requests.user[request] and later:
      continue
    page = slice(requests.page_offsets[other], requests.page_offsets[other + 1])
    led = requests.page_kind[page] >= CLICKED
    np.add.at(found, requests.page_item[page][led], 1)
  return found


def expected_of(batch, source, *, seen=True):
  """Count, share and total `[B, N]`, borrowed where nobody else asked."""
  requests, log = batch.log.requests, batch.log
  count, share, total = np.zeros((3, batch.num_requests, candidate_log.ITEMS))
  for row, request in enumerate(batch.requests[:, 0]):
    query = requests.query[request]
    if query < 0:
      continue
    clicks = clicks_of(requests, request, query)
    read = [(1.0, clicks)]
    if not seen or not clicks.any():
      near = source._lenders.of(log, np.array([query]))
      read = [
        (weight, clicks_of(requests, request, each))
        for weight, each in zip(near.weights[0], near.rows[0])
      ]
    total[row] = sum(weight * led.sum() for weight, led in read)
    share[row] = sum(w * led / max(led.sum(), 1) for w, led in read)
    count[row] = share[row] * total[row]
  return count, share, total


def check(batch, source, **options):
  count, share, total = expected_of(batch, source, **options)
  found = source.describe(batch, candidate_log.all_pairs(batch))
  found = np.moveaxis(found.reshape(*count.shape, -1), -1, 0)
  np.testing.assert_allclose(found[0], np.log1p(count), rtol=1e-5, atol=1e-6)
  log_share = np.where(total > 0, np.log(share + 1e-4), 0)
  np.testing.assert_allclose(found[1], log_share, rtol=1e-5, atol=1e-6)
  np.testing.assert_array_equal(found[2], count > 0)
  np.testing.assert_allclose(found[3], np.log1p(total), rtol=1e-5)
  assert count.any()
  return found


@pytest.mark.parametrize("split", candidate_log.splits())
def test_counts_are_those_of_a_log_that_ends_for_its_user(split):
  batch, source = candidate_log.batch(split=split), made()
  found = check(batch, source)
  near = found[6][:, 0]
  asked = batch.queries >= 0
  assert not near[~asked].any()
  assert (near == 1).any()
  assert (near <= 1).all()


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


def test_a_query_that_training_never_saw_borrows_of_its_neighbours():
  known = candidate_log.batch()
  log = known.log
  unknown = np.full(len(log.trained_query), -1)
  batch = RequestBatch(
    Log(log.requests, log.counted, unknown, log.query_vectors),
    known.requests,
    known.shown,
  )
  source = made(near=4)
  found = check(batch, source, seen=False)
  assert (found[6] < 1).all()
  count, share, _ = expected_of(batch, source, seen=False)
  proposed = source.propose(batch)
  for owner in np.flatnonzero(batch.queries >= 0):
    mine = proposed.owners == owner
    led = mine & (proposed.scores > -1)
    assert set(proposed.items[led]) == set(np.flatnonzero(count[owner]))
    items = proposed.items[led]
    own = proposed.scores[led] > 1
    np.testing.assert_allclose(
      proposed.scores[led] - own, share[owner, items], rtol=1e-6
    )


def test_an_unseen_request_reads_its_query_as_the_others_near_to_it():
  known = candidate_log.batch()
  hidden = dataclasses.replace(
    known.log, unseen=np.ones(len(known.log.requests), bool), kept={}
  )
  batch, source = RequestBatch(hidden, known.requests, known.shown), made()
  found = check(batch, source, seen=False)
  asked = np.unique(batch.queries[batch.queries >= 0])
  assert not (source._lenders.of(hidden, asked).rows == asked[:, None]).any()
  assert (found[6] < 1).all()


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
  unseen = np.ones(len(requests), bool)
  never = dataclasses.replace(log, unseen=unseen, kept={})
  source = made(near=4)
  pairs = candidate_log.all_pairs(batch)
  found, expected = (
    source.describe(RequestBatch(each, once[:, None], batch.shown), pairs)
    for each in (log, never)
  )
  np.testing.assert_array_equal(found, expected)
  proposed, expected = (
    source.propose(RequestBatch(each, once[:, None], batch.shown))
    for each in (log, never)
  )
  np.testing.assert_array_equal(proposed.items, expected.items)
  np.testing.assert_array_equal(proposed.scores, expected.scores)


def test_a_new_item_has_the_counts_of_its_text():
  facts, batch = candidate_log.facts(), candidate_log.batch()
  source = QueryItems.restored(made(near=4).state(), facts)
  pairs = candidate_log.all_pairs(batch)
  of_item = source.describe(batch, pairs)[:, 0].reshape(-1, candidate_log.ITEMS)
  best = int(of_item.sum(axis=0).argmax())
  more = dataclasses.replace(
    facts,
    texts=np.append(facts.texts, [facts.texts[best], "of no other item"]),
    categories=np.append(facts.categories, facts.categories[[best, best]], 0),
    vectors=np.append(facts.vectors, facts.vectors[[best, best]], 0),
  )
  grown = source.grown(more)
  size = candidate_log.ITEMS + 2
  pairs = Pairs(np.arange(batch.num_requests * size), size)
  found = grown.describe(batch, pairs)[:, 0].reshape(-1, size)
  np.testing.assert_allclose(found[:, :-2], of_item, rtol=1e-6)
  twins = np.flatnonzero(facts.texts == facts.texts[best])
  np.testing.assert_allclose(
    found[:, -2], of_item[:, twins].max(axis=1), rtol=1e-6
  )
  assert found[:, -2].any()
  assert not found[:, -1].any()


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
  source = QueryItems(log, np.ones((items, 1)), np.ones((1, 1)))
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
  source = QueryItems(log, np.eye(3, dtype=np.float32), np.zeros((0, 3)))
  known = Log(
    log, log.user_offsets[1:], np.zeros(0, np.int64), np.zeros((0, 3))
  )
  rows = np.arange(len(log))
  batch = RequestBatch(known, rows[:, None], np.ones(len(rows), bool))
  pairs = Pairs(np.arange(len(rows) * 3), 3)
  assert not source.describe(batch, pairs).any()
