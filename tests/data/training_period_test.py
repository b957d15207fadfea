"""Training is what comes before the first thing that is held out."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.catalogue import object_array
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import (
  CLICKED,
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  VALID,
  Requests,
)
from gr_jax.data.training_period import (
  NEVER,
  event_counts,
  event_mask,
  page_mask,
  request_mask,
  split_by_time,
  training_ends,
)
from gr_jax.evaluation.baselines import item_knn

PERIODS = {"r": TRAIN, "v": VALID, "t": TEST}


def log(users: str, *, shared_clock: bool = True) -> Requests:
  """Users "a:1e 2r 3v | b:..." with an event and a request at every time.

  An `e` is an event alone, an `x` a request whose page was only shown. Item i
  is the i-th event of the log.
  """
  histories = [user.partition(":")[2].split() for user in users.split("|")]
  flat = [(u, int(x[:-1]), x[-1]) for u, h in enumerate(histories) for x in h]
  user, time, kind = (np.array(column) for column in zip(*flat))
  asked = kind != "e"
  starts = np.searchsorted(user, np.arange(len(histories) + 1))
  past = [starts[u] + (time[user == u] < t).sum() for u, t, _ in flat]
  count = int(asked.sum())
  return Requests(
    user_ids=object_array([f"u{u}" for u in range(len(histories))]),
    profiles=object_array([()] * len(histories)),
    user_offsets=starts,
    event_item=np.arange(len(flat), dtype=np.int32),
    event_time=time,
    user=user[asked].astype(np.int32),
    time=time[asked],
    history_end=np.array(past, np.int64)[asked],
    query=np.full(count, -1, np.int32),
    split=np.array([PERIODS[k] for k in kind[asked]], np.int8),
    page_offsets=np.arange(count + 1),
    page_item=np.flatnonzero(asked).astype(np.int32),
    page_kind=np.full(count, ORDERED, np.int8),
    page_value=np.zeros(count, np.float32),
    queries=object_array([]),
    shared_clock=shared_clock,
  )


@pytest.mark.parametrize(
  ("users", "training", "with_valid"),
  [
    # By time: a stranger's first events end where the held-out period begins.
    ("a:1e 2r 5v 8t|b:3e 4e 5e 6e 9e", [0, 1, 4, 5], [0, 1, 2, 4, 5, 6, 7]),
    # Leave-one-out: own ends alone; b has nothing held out.
    ("a:1e 2r 3v 4t|b:1e 5r 9e", [0, 1, 4, 5, 6], [0, 1, 2, 4, 5, 6]),
    # At a tie the event is held out.
    ("a:1e 5e 5v|b:4e 5e", [0, 3], None),
    # A moment on both sides is no split by time.
    ("a:1e 5r 6e|b:2e 5v", [0, 1, 2, 3], [0, 1, 2, 3, 4]),
    # Nothing is held out.
    ("a:1e 2r|b:7e", [0, 1, 2], [0, 1, 2]),
    # Training ends with the test where nothing is for validation.
    ("a:1e 2r 4t|b:3e 4e", [0, 1, 3], [0, 1, 3]),
  ],
)
def test_events_before_the_first_held_out_request(users, training, with_valid):
  requests = log(users)
  assert np.flatnonzero(event_mask(requests)).tolist() == training
  if with_valid is not None:
    found = np.flatnonzero(event_mask(requests, before=TEST))
    assert found.tolist() == with_valid
  counts = event_counts(requests, num_items=len(requests.event_item) + 1)
  assert np.flatnonzero(counts).tolist() == training
  assert training_sequences(requests).rows.tolist() == training


def test_positions_of_two_users_are_not_compared():
  users = "a:0e 1r 2v 3t|b:0e 1r 2e 3e"
  for clock, ends, with_valid in ((True, [2, 2], [3, 3]),
                                  (False, [2, NEVER], [3, NEVER])):  # fmt: skip
    requests = log(users, shared_clock=clock)
    assert training_ends(requests).tolist() == ends
    assert training_ends(requests, before=TEST).tolist() == with_valid


def test_requests_and_pages_are_those_of_the_training_splits():
  requests = log("a:1e 2r 5v 8t")
  assert request_mask(requests).tolist() == [True, False, False]
  assert request_mask(requests, before=TEST).tolist() == [True, True, False]
  kinds = np.array([EXPOSED, ORDERED, CLICKED], np.int8)
  requests.page_kind[:] = kinds
  assert page_mask(requests, before=TEST).tolist() == [False, True, False]
  shown = page_mask(requests, before=TEST, least=EXPOSED)
  assert shown.tolist() == [True, True, False]


def test_pairs_of_a_newcomer_in_the_test_period_have_no_weight():
  """The first held-out request is at 35000; `new` buys twice at 39001."""
  requests = log("a:1000e 20000r 35000v 38000t|new:39001e 39001e")
  fitted = item_knn.fit(training_sequences(requests), num_items=6)
  assert fitted.weights[[4, 5]].nnz == 0
  assert fitted.weights[[0]].nnz == 1


def test_an_event_that_is_held_out_by_itself_ends_its_user():
  """User b's first event leads to no request, and is of the test."""
  requests = log("a:0e 1r 2v 3t|b:0e 1t|c:0e 1e", shared_clock=False)
  held_out = np.array([TRAIN, TRAIN, VALID, TEST, TEST, TEST, VALID, VALID])
  assert event_mask(requests).tolist() == [1, 1, 0, 0, 1, 0, 1, 1]
  requests = dataclasses.replace(requests, event_split=held_out.astype(np.int8))
  assert event_mask(requests).tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
  with_valid = event_mask(requests, before=TEST)
  assert with_valid.tolist() == [1, 1, 1, 0, 0, 0, 1, 1]


def test_a_published_split_is_not_cut_by_time():
  """What it calls training is, also after what it holds out of others."""
  requests = log("a:1e 2r 5v|b:3e 4e 6e|c:3e 9e")
  assert training_ends(requests).tolist() == [5, 5, 5]
  held_out = np.array([0, 0, VALID, 0, VALID, VALID, 0, 0], np.int8)
  requests = dataclasses.replace(requests, event_split=held_out)
  assert training_ends(requests).tolist() == [5, 4, NEVER]


@pytest.mark.parametrize(
  ("users", "by_time"),
  [
    ("a:1e 2r 5v | b:1e 3r 4t", True),
    ("a:1e 2r 5v | b:1e 3r 6r", False),  # Training goes on elsewhere.
    ("a:1e 2r 5v | b:1e 5r 6t", False),  # A tie.
    ("a:1e 2r | b:1e 3r", True),  # Nothing is held out.
  ],
)
def test_a_split_is_by_time_where_training_ends_before_the_rest(users, by_time):
  assert split_by_time(log(users)) == by_time
  assert not split_by_time(log(users, shared_clock=False))


def test_a_split_is_by_time_before_what_is_asked_for():
  one = log("a:1e 2r 5v | b:1e 3r 6r 7t")
  assert not split_by_time(one)
  assert split_by_time(one, before=TEST)
