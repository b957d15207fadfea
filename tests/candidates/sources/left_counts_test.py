import dataclasses

import numpy as np

from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.left_counts import LeftCounts, Read
from gr_jax.data.requests import CLICKED, TRAIN
from tests.reference import candidate_log

GROUPS = 5


def made():
  items = np.arange(candidate_log.ITEMS)
  return LeftCounts.of_log(candidate_log.log().requests, items, len(items))


def counted(requests, request, query):
  """`[N]` clicks of a query without those that the user made later."""
  found = np.zeros(candidate_log.ITEMS, int)
  for other in np.flatnonzero(
    (requests.split == TRAIN) & (requests.query == query)
  ):
    same = requests.user[other] == requests.user[request]
    if same and requests.history_end[other] >= requests.history_end[request]:
      continue
    page = slice(requests.page_offsets[other], requests.page_offsets[other + 1])
    led = requests.page_kind[page] >= CLICKED
    np.add.at(found, requests.page_item[page][led], 1)
  return found


def as_written(batch, counts):
  """Every request read as its own query."""
  rows = batch.queries[:, None]
  totals = counts.totals(batch, rows)
  return Read(rows, 1.0 * (totals > 0), totals, 1.0 * (totals[:, 0] > 0))


def expected_of(batch):
  requests = batch.log.requests
  return np.array(
    [
      counted(requests, request, requests.query[request])
      if requests.query[request] >= 0
      else np.zeros(candidate_log.ITEMS, int)
      for request in batch.requests[:, 0]
    ]
  )


def test_totals_and_shares_leave_the_users_own_future_out():
  batch = candidate_log.batch(split=TRAIN)
  counts, expected = made(), expected_of(batch)
  read = as_written(batch, counts)
  np.testing.assert_array_equal(read.totals[:, 0], expected.sum(axis=1))
  pairs = candidate_log.all_pairs(batch)
  found = counts.shares(batch, read, pairs.owners, pairs.items)
  shares = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1)
  np.testing.assert_allclose(found.reshape(shares.shape), shares, rtol=1e-6)
  whole = counts.led.totals[batch.queries[batch.queries >= 0]]
  assert (whole > expected.sum(axis=1)[batch.queries >= 0]).any()


def test_shares_of_groups_are_sums_of_their_items():
  batch = candidate_log.batch(split=TRAIN)
  group = np.arange(candidate_log.ITEMS) % GROUPS
  items = made()
  groups = LeftCounts.of_log(batch.log.requests, group, GROUPS)
  read, pairs = as_written(batch, items), candidate_log.all_pairs(batch)
  shares = items.shares(batch, read, pairs.owners, pairs.items)
  shares = shares.reshape(-1, candidate_log.ITEMS)
  owners = np.repeat(np.arange(len(shares)), GROUPS)
  labels = np.tile(np.arange(GROUPS), len(shares))
  found = groups.shares(batch, read, owners, labels).reshape(-1, GROUPS)
  expected = shares @ (group[:, None] == np.arange(GROUPS))
  assert expected.any()
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_service_without_a_log_leaves_nothing_out():
  batch = candidate_log.batch(split=TRAIN)
  log = dataclasses.replace(batch.log, live=True, kept={})
  live = RequestBatch(log, batch.requests, batch.shown)
  has_query = batch.queries >= 0
  counts = LeftCounts(made().led)
  found = counts.totals(live, live.queries[:, None])[:, 0]
  np.testing.assert_array_equal(
    found[has_query], counts.led.totals[batch.queries[has_query]]
  )
  assert not found[~has_query].any()
