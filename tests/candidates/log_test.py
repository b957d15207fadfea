import dataclasses

import numpy as np

from tests.reference import candidate_log


def test_visits_count_the_distinct_times_before_an_event():
  log = candidate_log.log()
  requests, found = log.requests, log.visits()
  for user, begin in enumerate(requests.user_offsets[:-1]):
    times = requests.event_time[begin : requests.user_offsets[user + 1]]
    expected = np.unique(times, return_inverse=True)[1]
    np.testing.assert_array_equal(found[begin : begin + len(times)], expected)


def test_states_are_computed_once_for_each_name():
  log = candidate_log.log()
  items = np.arange(candidate_log.ITEMS)
  first = log.states("by item", items)
  assert log.states("by item", items) is first
  np.testing.assert_array_equal(first.labels, log.requests.event_item)


def test_unit_vectors_have_length_one_or_are_zero():
  log = candidate_log.log()
  vectors = np.array([[3, 4], [0, 0]])
  found = dataclasses.replace(log, query_vectors=vectors).unit_query_vectors
  np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], rtol=1e-6)
  assert found.dtype == np.float32
