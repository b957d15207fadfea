"""A log that grows is the log that would have been read at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.updates.grown_log import of_run
from gr_jax.data import request_lists
from gr_jax.data.requests import Requests
from tests.experiments.updates.small_logs import (
  EVENTS,
  FIRST,
  LAST,
  built,
  frame,
  more,
)


def described(requests: Requests) -> set[tuple]:
  """Every request as (user, time, query, history, page)."""
  found = set()
  for r in range(len(requests)):
    page = slice(*requests.page_offsets[r : r + 2])
    query = requests.query[r]
    lines = zip(
      requests.page_item[page].tolist(),
      requests.page_kind[page].tolist(),
      requests.page_value[page].tolist(),
    )
    found.add(
      (
        requests.user_ids[requests.user[r]],
        int(requests.time[r]),
        requests.queries[query] if query >= 0 else None,
        tuple(requests.history(r).tolist()),
        tuple(sorted(lines)),
      )
    )
  return found


@given(EVENTS, st.integers(3, 9))
def test_a_grown_log_has_the_requests_of_all_events_at_once(some, cut):
  events = [*FIRST, *some, *LAST]
  parts = [
    [e for e in events if (e["seconds"] < cut) == first]
    for first in (True, False)
  ]
  log = more(of_run(built(frame(parts[0]))), frame(parts[1]))
  whole = built(frame(parts[0] + parts[1]))
  assert described(log.requests) == described(whole)
  assert log.newest.sum() == (log.requests.time >= cut).sum()


@given(EVENTS)
def test_known_requests_stay_what_they_were(some):
  base = built(frame(FIRST))
  late = [dict(e, seconds=e["seconds"] + 3) for e in [*some, *LAST]]
  log = more(of_run(base), frame(late))
  own = log.request_update == 0
  assert own[: len(base)].all()
  assert own.sum() == len(base)
  for r in range(len(base)):
    np.testing.assert_array_equal(base.history(r), log.requests.history(r))
  np.testing.assert_array_equal(base.split, log.requests.split[: len(base)])


@pytest.mark.parametrize("timed", [True, False])
def test_events_that_make_no_request_are_the_history_of_later_ones(timed):
  """Of a new user the first click without a query, or impressions alone."""
  bare = [dict(FIRST[0], user_id="new", seconds=20)]
  log = more(of_run(built(frame(FIRST, timed=timed))), frame(bare, timed=timed))
  assert not log.newest.any()
  assert not log.first_learned.any()
  popularity = log.popularity(4, whole=True)
  assert popularity.sum() == log.popularity(4, whole=False).sum() + 1
  later = [dict(e, user_id="new", seconds=e["seconds"] + 20) for e in LAST]
  log = more(log, frame(later, timed=timed))
  first = np.flatnonzero(log.newest)[0]
  assert log.requests.history(first).tolist() == [bare[0]["item"]]


def test_positions_go_on_where_a_user_stopped():
  base = built(frame(FIRST, timed=False))
  log = more(of_run(base), frame([*FIRST, *LAST], timed=False), share=0.4)
  requests = log.requests
  for user in range(2):
    mine = requests.event_user == user
    np.testing.assert_array_equal(
      requests.event_time[mine], np.arange(mine.sum())
    )
  held_out = log.held_out & log.newest
  assert held_out.sum() == 2
  for row in np.flatnonzero(held_out):
    same = log.newest & (requests.user == requests.user[row])
    assert requests.time[row] == requests.time[same].max()


def test_a_new_user_and_a_new_query_stand_behind_the_known_ones():
  base = built(frame(FIRST))
  new = [dict(e, user_id="new", query="never seen") for e in LAST]
  requests = more(of_run(base), frame(new)).requests
  assert requests.user_ids.tolist() == [*base.user_ids, "new"]
  assert requests.queries.tolist() == [*base.queries, "never seen"]
  rows = np.flatnonzero(requests.user == len(base.user_ids))
  targets = request_lists.targets(requests, rows)
  assert targets.rows.tolist() == [e["item"] for e in new]
