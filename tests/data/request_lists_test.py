"""Lists cut from requests are those of a loop over them."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data import request_lists
from gr_jax.data.requests import (
  CLICKED,
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  VALID,
  Requests,
)
from tests.reference.small_world import shop


def _objects(values):
  array = np.empty(len(values), object)
  array[:] = values
  return array


@pytest.fixture(scope="module")
def requests():
  """User 0 buys 1 2 | 3 | 4 (train | valid | test), user 1 buys 5 | 6 | 7."""
  return Requests(
    user_ids=_objects(["a", "b"]),
    profiles=_objects([(), ()]),
    user_offsets=np.array([0, 4, 7]),
    event_item=np.array([1, 2, 3, 4, 5, 6, 7], np.int32),
    event_time=np.array([10, 20, 30, 40, 15, 25, 45]),
    user=np.array([0, 0, 0, 1], np.int32),
    time=np.array([20, 30, 40, 15]),
    history_end=np.array([1, 2, 3, 4]),
    query=np.array([-1, -1, -1, -1], np.int32),
    split=np.array([TRAIN, VALID, TEST, TRAIN], np.int8),
    page_offsets=np.array([0, 2, 4, 8, 8]),
    page_item=np.array([2, 9, 3, 3, 8, 4, 9, 4], np.int32),
    page_kind=np.array(
      [ORDERED, EXPOSED, CLICKED, ORDERED, EXPOSED, ORDERED, CLICKED, CLICKED],
      np.int8,
    ),
    page_value=np.zeros(8, np.float32),
    queries=_objects([]),
  )


def test_lists_are_those_of_each_request(requests):
  rows = np.array([2, 0, 3, 1])
  histories = request_lists.histories(requests, rows)
  targets = request_lists.targets(requests, rows)
  for place, r in enumerate(rows):
    np.testing.assert_array_equal(histories[place], requests.history(r))
    np.testing.assert_array_equal(targets[place], requests.targets(r))


def test_training_ends_where_the_first_later_request_begins(requests):
  train = request_lists.training_sequences(requests)
  assert train[0].tolist() == [1, 2]
  # User 1 has no later request: it ends with the first one of all, at 30.
  assert train[1].tolist() == [5, 6]
  with_valid = request_lists.training_sequences(requests, before=TEST)
  assert with_valid[0].tolist() == [1, 2, 3]
  assert with_valid[1].tolist() == [5, 6]


def test_a_judged_page_is_whole_and_its_grades_go_with_it(requests):
  rows = np.array([2, 3, 0])
  grades = np.arange(8.0)
  items, found = request_lists.judged(requests, rows, grades)
  pages = [range(*requests.page_offsets[r : r + 2]) for r in rows]
  for place, page in enumerate(pages):
    assert items[place].tolist() == requests.page_item[page].tolist()
  assert found.tolist() == [at for page in pages for at in page]


def test_a_sample_of_zero_is_every_row():
  rows = np.arange(10, 30)
  for count, size in ((0, 20), (5, 5), (20, 20), (99, 20)):
    found = request_lists.sample(
      rows, count=count, rng=np.random.default_rng(3)
    )
    assert len(np.unique(found)) == len(found) == size
    assert set(found) <= set(rows)
  # A larger sample holds the smaller one, in its order.
  few, all_rows = (
    request_lists.sample(rows, count=count, rng=np.random.default_rng(3))
    for count in (5, 0)
  )
  assert all_rows[:5].tolist() == few.tolist()
  assert few.tolist() != sorted(few)
  with pytest.raises(ValueError, match=r"-1 requests .* or 0 for all"):
    request_lists.sample(rows, count=-1, rng=np.random.default_rng(0))


def test_training_events_alone_are_learned():
  requests = shop().requests
  first = requests.time[requests.split != TRAIN].min()
  held_out = requests.event_time >= first
  assert held_out.any()
  sequences, times = request_lists.training_log(requests)
  assert times.max() < first
  other = requests.event_item.copy()
  other[held_out] = (other[held_out] + 1) % len(shop().catalogue)
  changed = dataclasses.replace(requests, event_item=other)
  again, _ = request_lists.training_log(changed)
  np.testing.assert_array_equal(sequences.rows, again.rows)
  # Each event has its own time.
  owners = sequences.owners
  assert (np.diff(times)[np.diff(owners) == 0] >= 0).all()
  for user in (0, 7):
    begin = requests.user_offsets[user]
    mine = owners == user
    size = mine.sum()
    np.testing.assert_array_equal(
      times[mine], requests.event_time[begin : begin + size]
    )
