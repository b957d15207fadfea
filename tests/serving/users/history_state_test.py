"""The newest events of each user, whatever the log was compacted to."""

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.catalogue.log_state import LogState
from gr_jax.serving.users.history_state import Event, HistoryState

MOST, HELD = 3, 7
USERS = st.sampled_from("abcd")
EVENTS = st.builds(
  Event, USERS, st.sampled_from("xyz"), st.just("click"), st.integers(0, 5)
)
RECORDS = st.lists(
  st.fixed_dictionaries({"events": st.lists(EVENTS, max_size=4)})
  | st.fixed_dictionaries({"leave": st.lists(USERS, max_size=2)}),
  max_size=8,
)


def folded(records) -> HistoryState:
  stored = json.loads(json.dumps(list(records)))
  return HistoryState(stored, most=MOST, held=HELD)


def seen(state: HistoryState) -> dict:
  return {user: state.of(user) for user in "abcd" if state.of(user)}


@hypothesis.given(RECORDS, RECORDS)
def test_its_records_fold_to_it_and_go_on_as_it_does(before, after):
  state = folded(before)
  again = folded(state.records())
  copy, kept = state.copied(), seen(state)
  for record in after:
    state.add(record)
    again.add(record)
  assert seen(again) == seen(state)
  assert again.size == state.size
  assert seen(copy) == kept


@hypothesis.given(RECORDS)
def test_memory_is_bounded_and_times_rise(records):
  state = folded(records)
  assert state.size == sum(map(len, seen(state).values())) <= HELD
  assert len(state) == len(seen(state))
  for events in seen(state).values():
    assert len(events) <= MOST
    assert [e.time for e in events] == sorted(e.time for e in events)


@hypothesis.given(st.lists(EVENTS, max_size=MOST))
def test_no_event_is_lost_below_the_bounds(events):
  state = folded([{"events": events}])
  for user in "abcd":
    mine = [each for each in events if each.user_id == user]
    assert list(state.of(user)) == sorted(mine, key=lambda each: each.time)


def test_who_was_seen_longest_ago_is_let_go():
  state = HistoryState(most=2, held=4)
  for user in "abcab":
    state.add({"events": [Event(user, "x", "click", 0.0)]})
  state.add({"events": [Event("d", "x", "click", 0.0)] * 2})
  assert set(seen(state)) == {"b", "d"}


def test_neither_log_takes_the_other():
  with pytest.raises(ValueError, match="no log of events"):
    HistoryState([{"remove": ["x"]}])
  with pytest.raises(ValueError, match="a log of events"):
    LogState([{"events": []}])
