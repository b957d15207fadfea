"""Splits keep training before validation before test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.splits import check_shares, split_by_time, split_by_user


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
