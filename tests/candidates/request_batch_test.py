import numpy as np
import pytest

from gr_jax.candidates.candidates import KINDS
from tests.reference import candidate_log


@pytest.mark.parametrize("split", candidate_log.splits())
def test_known_labels_are_the_distinct_ones_of_each_history(split):
  batch = candidate_log.batch(split=split)
  requests = batch.log.requests
  states = batch.log.states("items", np.arange(candidate_log.ITEMS))
  known = batch.known(states, num_labels=candidate_log.ITEMS)
  for row, request in enumerate(batch.requests[:, 0]):
    history = requests.history(request)
    mine = known.rows == row
    assert set(known.labels[mine]) == set(history)
    for item, event in zip(known.labels[mine], known.events[mine]):
      begin = requests.user_offsets[requests.user[request]]
      last = begin + np.flatnonzero(history == item)[-1]
      assert event == last
  rows, items = batch.bought(candidate_log.ITEMS)
  np.testing.assert_array_equal(rows, known.rows)
  np.testing.assert_array_equal(items, known.labels)
  counted = batch.counted_history(candidate_log.ITEMS)
  np.testing.assert_array_equal(counted.times, states.number[known.events])
  keys = rows * candidate_log.ITEMS + items
  np.testing.assert_array_equal(counted.keys, keys)


def test_a_hidden_history_is_empty_and_its_future_stays_the_same():
  shown, hidden = (candidate_log.batch(shown=s) for s in (True, False))
  assert len(shown.history[0])
  assert not len(hidden.history[0])
  np.testing.assert_array_equal(shown.future, hidden.future)


def test_the_future_is_what_was_counted_after_the_history():
  batch = candidate_log.batch()
  pairs = candidate_log.all_pairs(batch)
  counts = batch.future_counts(pairs).reshape(-1, candidate_log.ITEMS)
  requests = batch.log.requests
  for row, request in enumerate(batch.requests[:, 0]):
    counted = batch.log.counted[requests.user[request]]
    future = requests.event_item[requests.history_end[request] : counted]
    expected = np.bincount(future, minlength=candidate_log.ITEMS)
    np.testing.assert_array_equal(counts[row], expected)
  assert counts.any()


def test_what_is_known_of_a_row_is_known_of_each_of_its_requests():
  batch = candidate_log.batch()
  twice = type(batch)(
    batch.log, np.repeat(batch.requests, 2, axis=1), batch.shown
  )
  owners, value = twice.for_each_request(np.array([0, 3]), np.array([7, 8]))
  np.testing.assert_array_equal(owners, [0, 1, 6, 7])
  np.testing.assert_array_equal(value, [7, 7, 8, 8])
  np.testing.assert_array_equal(twice.row(owners), [0, 0, 3, 3])


def test_a_request_is_of_the_kind_that_its_query_and_history_say():
  for shown in (True, False):
    batch = candidate_log.batch(shown=shown)
    some = batch.queries.reshape(batch.requests.shape) >= 0
    known = np.bincount(batch.history[0], minlength=len(batch.requests)) > 0
    names = np.array(KINDS)[batch.kinds]
    assert (names[~some] == "next_basket").all()
    for kind, row in (("semantic", ~known), ("personalised", known)):
      np.testing.assert_array_equal(names == kind, some & row[:, None])
    assert some.any()
    assert known.any() == shown
