"""Rows of users hold the newest places and what follows each."""

import numpy as np

from gr_jax.ranking.user_rows import RowWriter
from tests.ranking.examples_test import world


def test_a_place_is_followed_by_the_next_event():
  log = world()
  writer = RowWriter(log, 8)
  users = np.array([0, 3, 5])
  end = log.user_offsets[users + 1]
  rows = writer.learned(users, end)
  for r, user in enumerate(users):
    events = log.event_item[log.user_offsets[user] : end[r]]
    n = min(8, len(events) - 1)
    np.testing.assert_array_equal(rows.items[r, :n], events[-n - 1 : -1])
    np.testing.assert_array_equal(rows.after[r, :n], events[-n:])
    assert (rows.items[r, n:] == -1).all()
    assert (rows.after[r, n:] == -1).all()
    times = log.event_time[log.user_offsets[user] : end[r]]
    times = times - log.event_time.min()
    np.testing.assert_array_equal(rows.times[r, :n], times[-n - 1 : -1])
    np.testing.assert_array_equal(rows.next_times[r, :n], times[-n:])


def test_a_request_is_what_follows_the_newest_place():
  log = world()
  writer = RowWriter(log, 6)
  users = np.array([1, 2])
  begin = log.user_offsets[users]
  end = begin + np.array([3, 0])
  now = log.event_time[begin] + 12345
  rows = writer.read(users, end, now)
  np.testing.assert_array_equal(
    rows.items[0, :3], log.event_item[begin[0] : end[0]]
  )
  assert rows.after[0, 2] == -1
  assert rows.next_times[0, 2] == now[0] - log.event_time.min()
  assert (rows.items[1] == -1).all()
  assert (rows.next_times[1] == 0).all()
