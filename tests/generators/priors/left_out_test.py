import dataclasses

import numpy as np
import pytest
from hypothesis import given

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.generators.priors.left_out import FutureEvents, without_future
from tests.reference.small_logs import IDS, logs, requests_of

WINDOW = 2


def future(requests, *, ends=None, window=WINDOW):
  ends = requests.user_offsets[1:] if ends is None else ends
  return FutureEvents(requests, IDS.id_of_item, ends, window=window)


def row_of(requests, user, end):
  mine = requests.user == user
  position = requests.history_end - requests.user_offsets[requests.user]
  return np.flatnonzero(mine & (position == end))


def ids(items):
  return IDS.id_of_item[items].tolist()


def found_pairs(left):
  """The pairs of the only row, with the sum of their weights."""
  sums = {}
  for (one, other), weight in zip(left.pairs[0].tolist(), left.weights[0]):
    if one >= 0:
      sums[one, other] = sums.get((one, other), 0) + weight
  return sums


def test_the_history_s_pairs_with_what_follows_are_left_out():
  requests = requests_of([[0, 3, 4, 5, 6], [0, 3]])
  left = future(requests)(row_of(requests, 0, 2))
  a, b, c, d, e = ids([0, 3, 4, 5, 6])
  assert left.events[0].tolist() == [c, d, e, -1, -1]
  # From 0: 4 is two away. From 3: 4 is next, 5 two away.
  assert found_pairs(left) == {(a, c): 0.5, (b, c): 1, (b, d): 0.5}


def test_an_item_of_the_history_that_comes_again_has_pairs_there():
  requests = requests_of([[0, 4, 0, 6]])
  left = future(requests)(row_of(requests, 0, 1))
  a, b, c = ids([0, 4, 6])
  assert left.events[0].tolist() == [b, a, c, -1]
  # Forward 0-4 and backward 0-4, both from 0; 0-0 both ways; 0-6 at the end.
  assert found_pairs(left) == {(a, b): 1.5, (a, a): 0.75, (a, c): 1}


def test_where_counting_stopped_nothing_is_left_out():
  requests = requests_of([[0, 3, 4, 5], [6]])
  left = future(requests, ends=np.array([2, 5]))(row_of(requests, 0, 1))
  assert left.events[0].tolist() == [*ids([3]), -1]
  assert found_pairs(left) == {tuple(ids([0, 3])): 1}


def test_what_is_held_out_was_not_counted():
  requests = requests_of([[0, 3, 4, 5]])
  split = np.array([TRAIN, TRAIN, VALID, VALID, TEST], np.int8)
  requests = dataclasses.replace(requests, split=split)
  future = FutureEvents.of_training(requests, IDS.id_of_item)
  left = future(row_of(requests, 0, 1))
  assert left.events[0].tolist() == [*ids([3]), -1]


def test_counts_of_which_nothing_is_left_out_stay_what_they_are():
  counts = {"counts": {}}
  assert without_future(counts, None) is counts


def test_without_transitions_there_are_no_pairs():
  requests = requests_of([[0, 3]])
  left = future(requests, window=0)(np.array([0]))
  assert left.events[0].tolist() == ids([0, 3])
  assert left.pairs is None
  assert left.weights is None


@given(logs())
def test_rows_have_room_for_the_most_pairs_and_no_more(log):
  requests = requests_of(log[0])
  rows = np.flatnonzero(requests.split == TRAIN)
  left = future(requests)(rows)
  used = (left.pairs[..., 0] >= 0).sum(axis=1)
  assert left.pairs.shape[1] == max(used.max(), 1)
  assert left.events.shape[1] == max(map(len, log[0]))


@pytest.mark.parametrize("users", [1, 3])
def test_a_batch_is_its_rows_one_by_one(users):
  requests = requests_of([[0, 3, 0, 5], [6, 6, 1], [2]][:users])
  rows = np.flatnonzero(requests.split == TRAIN)
  read = future(requests)
  batch = read(rows)
  for place, row in enumerate(rows):
    alone = read(np.array([row]))
    np.testing.assert_array_equal(batch.events[place], alone.events[0])
    np.testing.assert_array_equal(batch.pairs[place], alone.pairs[0])
    np.testing.assert_array_equal(batch.weights[place], alone.weights[0])
