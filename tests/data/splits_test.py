"""Splits keep training before validation before test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, TRAIN, VALID, Requests
from gr_jax.data.splits import (
  check_shares,
  split_by_time,
  split_by_user,
  training_ends_by_user,
  training_ends_for_all,
  training_popularity,
)


@given(
  st.lists(st.integers(0, 30), max_size=60),
  st.floats(0, 0.45),
  st.floats(0, 0.45),
)
def test_splits_by_time_never_cut_through_a_moment(times, valid, test):
  time = np.sort(np.array(times, np.int64))
  split = split_by_time(time, valid_share=valid, test_share=test)
  assert (np.diff(split) >= 0).all()
  for moment in np.unique(time):
    assert len(np.unique(split[time == moment])) == 1
  assert (split == TEST).sum() >= np.floor(len(time) * test)


def test_distinct_times_give_the_shares():
  split = split_by_time(np.arange(100), valid_share=0.1, test_share=0.2)
  assert np.bincount(split).tolist() == [70, 10, 20]


@given(st.lists(st.integers(0, 5), max_size=40))
def test_each_user_leaves_the_last_out(users):
  user = np.array(users, np.int32)
  split = split_by_user(user)
  for u in np.unique(user):
    n = (user == u).sum()
    later = {1: [], 2: [TEST]}.get(n, [VALID, TEST])
    expected = [TRAIN] * (n - len(later)) + later
    assert split[user == u].tolist() == expected


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5), (0.1, 1.0)])
def test_shares_that_leave_nothing_are_an_error(shares):
  with pytest.raises(ValueError, match="together < 1"):
    check_shares(*shares)


def test_popularity_counts_each_users_events_before_their_end():
  """User 0 ends at 20, user 1 at 31: what happens at an end is not counted."""
  requests = requests_of(
    user_offsets=[0, 3, 6],
    event_item=[2, 0, 1, 2, 1, 0],
    event_time=[10, 20, 30, 10, 20, 30],
  )
  found = training_popularity(requests, np.array([20, 31]), num_items=4)
  assert found.tolist() == [1, 1, 2, 0]


def test_training_ends_where_the_first_held_out_request_begins():
  requests = requests_of(
    user_offsets=[0, 0, 0, 0],
    user=[0, 0, 1, 1, 2],
    time=[5, 9, 4, 7, 6],
    split=[TRAIN, TEST, TRAIN, VALID, TRAIN],
  )
  assert training_ends_for_all(requests).tolist() == [7, 7, 7]
  never = np.iinfo(np.int64).max
  assert training_ends_by_user(requests).tolist() == [9, 7, never]


def requests_of(
  *, user_offsets, event_item=(), event_time=(), user=(), time=(), split=()
):
  """Requests with empty pages and without histories."""
  offsets = np.array(user_offsets, np.int64)
  user = np.array(user, np.int32)
  return Requests(
    user_ids=object_array([str(u) for u in range(len(offsets) - 1)]),
    profiles=object_array([()] * (len(offsets) - 1)),
    user_offsets=offsets,
    event_item=np.array(event_item, np.int32),
    event_time=np.array(event_time, np.int64),
    user=user,
    time=np.array(time, np.int64),
    history_end=offsets[user],
    query=np.full(len(user), -1, np.int32),
    split=np.array(split, np.int8),
    page_offsets=np.zeros(len(user) + 1, np.int64),
    page_item=np.zeros(0, np.int32),
    page_kind=np.zeros(0, np.int8),
    page_value=np.zeros(0, np.float32),
    queries=object_array([]),
  )
