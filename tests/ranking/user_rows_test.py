"""Rows of users hold the newest places and what follows each."""

import numpy as np

from gr_jax.ranking.user_rows import RowWriter, batches_of_epoch
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


def test_an_epoch_has_everybody_once_beside_users_of_their_size():
  rng = np.random.default_rng(0)
  sizes = rng.integers(0, 201, 100)
  found = batches_of_epoch(sizes, batch=8, length=200, rng=rng)
  assert len(found) == 12
  rows = np.concatenate([rows for rows, _ in found])
  assert len(set(rows.tolist())) == 96
  places = [most for _, most in found]
  assert {*places} <= {50, 100, 150, 200}
  assert places != sorted(places)
  for rows, most in found:
    assert (sizes[rows] <= most).all()
  mean = np.mean(places)
  assert mean < sizes.mean() + 50
  again = batches_of_epoch(sizes, batch=8, length=200, rng=rng)
  assert {*again[0][0].tolist()} != {*found[0][0].tolist()}


def test_fewer_users_than_a_batch_come_twice():
  rng = np.random.default_rng(0)
  [(rows, places)] = batches_of_epoch(
    np.array([3, 9, 0]), batch=8, length=10, rng=rng
  )
  assert len(rows) == 8
  assert {*rows.tolist()} == {0, 1, 2}
  assert places == 9


def test_fewer_places_hold_the_same():
  log = world()
  writer = RowWriter(log, 64)
  users = np.array([0, 1, 2])
  end = log.user_offsets[users] + np.array([5, 8, 2])
  wide, narrow = (
    writer.learned(users, end),
    writer.learned(users, end, places=9),
  )
  np.testing.assert_array_equal(wide.items[:, :9], narrow.items)
  np.testing.assert_array_equal(wide.after[:, :9], narrow.after)
  assert (wide.items[:, 9:] == -1).all()
