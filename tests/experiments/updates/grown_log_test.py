"""A log that grows is the log that would have been read at once."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.updates.grown_log import GrownLog, grown, of_run
from gr_jax.data import request_lists
from gr_jax.data.imports.build_requests import build_requests, ordered_events
from gr_jax.data.requests import TEST, TRAIN, VALID, Requests
from gr_jax.data.splits import split_by_time
from gr_jax.data.training_period import event_counts

PRICES = np.array([1, 2, 3, 4], np.float32)
SCHEMA = {
  "row": pl.Int64,
  "user_id": pl.String,
  "seconds": pl.Int64,
  "item": pl.Int32,
  "kind": pl.Int8,
  "query": pl.String,
  "amount": pl.Float64,
}


def frame(events: list[dict], *, timed: bool = True) -> pl.DataFrame:
  rows = [{"row": row, **event} for row, event in enumerate(events)]
  found = pl.DataFrame(rows, schema=SCHEMA)
  return found if timed else found.drop("seconds")


def built(events: pl.DataFrame, *, held_out: bool = True) -> Requests:
  timed = "seconds" in events.columns
  share = 0.2 if held_out else 0.0
  return build_requests(
    ordered_events(events),
    values=lambda training: PRICES,
    split=lambda user, time: split_by_time(
      time, valid_share=share, test_share=share
    ),
    shared_clock=timed,
  ).requests


def more(log: GrownLog, events: pl.DataFrame, share: float = 0.0) -> GrownLog:
  return grown(log, events, prices=PRICES, held_out_share=share, seed=0)


def event_of(user: str, time: int) -> st.SearchStrategy[dict]:
  return st.fixed_dictionaries(
    {
      "user_id": st.just(user),
      "seconds": st.just(time),
      "item": st.integers(0, 3),
      "kind": st.integers(0, 2),
      "query": st.sampled_from([None, "p", "q"]),
      "amount": st.sampled_from([None, 5.0]),
    }
  )


EVENTS = st.lists(
  st.tuples(st.sampled_from("uvwx"), st.integers(0, 9)).flatmap(
    lambda pair: event_of(*pair)
  ),
  max_size=20,
)
# Enough to build a log of, on all sides of every cut.
FIRST = [
  {"user_id": user, "seconds": time, "item": time % 4, "kind": 1}
  | {"query": query, "amount": None}
  for user in "uv"
  for time, query in ((0, None), (1, "p"), (2, None))
]
LAST = [dict(FIRST[0], seconds=time, query="q") for time in (10, 11)]


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


def three_updates() -> GrownLog:
  log = of_run(built(frame(FIRST)))
  for day in (10, 30, 50):
    events = [dict(e, seconds=e["seconds"] + day) for e in [*FIRST, *LAST]]
    log = more(log, frame(events), share=0.3)
  return log


def test_an_update_learns_what_the_one_before_held_out():
  log = three_updates()
  held_out = log.held_out & log.newest
  assert held_out.any()
  before = log.held_out & (log.request_update == 2)
  assert log.first_learned[before].all()
  assert not log.first_learned[held_out].any()
  assert (log.requests.split[held_out] == VALID).all()
  assert (log.requests.split[before] == TRAIN).all()
  assert not (log.first_learned & log.learned_before).any()
  # Of the run, validation and test are never learned.
  never = log.learned_before[log.request_update == 0]
  own = log.requests.split[log.request_update == 0]
  np.testing.assert_array_equal(never, own == TRAIN)
  assert (own == TEST).any()


def test_the_newest_requests_are_held_out_on_one_clock():
  log = three_updates()
  held_out = log.held_out & log.newest
  learned = log.newest & ~log.held_out
  times = log.requests.time
  assert times[learned].max() < times[held_out].min()


def test_nothing_that_is_held_out_is_counted():
  log = three_updates()
  for row in np.flatnonzero(log.held_out & log.newest):
    user, time = log.requests.user[row], log.requests.time[row]
    mine = log.requests.event_user == user
    late = log.requests.event_time >= time
    assert not log.counted[mine & late].any()
  assert log.counted[log.event_update == 1].all()
  base = built(frame(FIRST))
  np.testing.assert_array_equal(
    np.bincount(
      log.requests.event_item[log.counted & (log.event_update == 0)],
      minlength=4,
    ),
    event_counts(base, num_items=4),
  )


def test_the_counts_before_an_update_are_those_that_its_parent_had():
  log = of_run(built(frame(FIRST)))
  for day in (10, 30, 50):
    events = [dict(e, seconds=e["seconds"] + day) for e in [*FIRST, *LAST]]
    later = more(log, frame(events), share=0.3)
    before, after = (later.popularity(4, whole=w) for w in (False, True))
    np.testing.assert_array_equal(before, log.popularity(4, whole=True))
    assert (after >= before).all()
    assert after.sum() > before.sum()
    log = later


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


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_there_is_always_something_to_learn(share):
  log = more(of_run(built(frame(FIRST))), frame(LAST), share=share)
  assert log.first_learned.any()
