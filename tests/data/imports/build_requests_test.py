"""Pages are what one user saw at once; requests those of a loop over events."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.build_requests import build_requests
from gr_jax.data.imports.ordered_events import user_blocks
from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN, VALID
from gr_jax.data.splits import split_by_user
from gr_jax.data.training_period import event_mask

PRICES = np.array([1, 2, 3, 4], np.float32)
EVENTS = st.lists(
  st.fixed_dictionaries(
    {
      "user_id": st.sampled_from("uvw"),
      "seconds": st.integers(0, 6),
      "item": st.integers(0, 3),
      "kind": st.integers(0, 2),
      "query": st.sampled_from([None, "p", "q"]),
      "amount": st.sampled_from([None, 5.0]),
    }
  ),
  min_size=1,
  max_size=25,
)


def _build(events: list[dict], split=None):
  frame = pl.DataFrame(
    events,
    schema_overrides={
      "seconds": pl.Int64,
      "item": pl.Int32,
      "kind": pl.Int8,
      "query": pl.String,
      "amount": pl.Float64,
    },
  ).with_row_index("row", offset=2)
  return build_requests(
    user_blocks(frame),
    values=lambda training: PRICES,
    split=split or (lambda user, time: split_by_user(user)),
    shared_clock=split is not None,
  )


def _reference(events: list[dict]) -> set[tuple]:
  """(user, time, query, history, page) of every request, by loops."""
  requests = set()
  ordered = sorted(events, key=lambda e: (e["user_id"], e["seconds"]))
  for user, time, query in {
    (e["user_id"], e["seconds"], e["query"]) for e in events
  }:
    mine = [e for e in ordered if e["user_id"] == user]
    history = [
      e["item"] for e in mine if e["seconds"] < time and e["kind"] > EXPOSED
    ]
    page = {}
    for e in mine:
      if e["seconds"] == time and e["query"] == query:
        paid = e["amount"] or float(PRICES[e["item"]])
        kind, value = page.get(e["item"], (0, 0.0))
        page[e["item"]] = (
          max(kind, e["kind"]),
          value + (paid if e["kind"] == ORDERED else 0.0),
        )
    answered = any(kind > EXPOSED for kind, _ in page.values())
    if answered and (history or query is not None):
      lines = tuple((item, *line) for item, line in page.items())
      requests.add((user, time, query, tuple(history), lines))
  return requests


@given(
  EVENTS.filter(
    lambda es: all(
      any(e["kind"] > 0 and e["user_id"] == u for e in es)
      for u in {e["user_id"] for e in es}
    )
  )
)
def test_requests_are_those_of_the_reference(events):
  r = _build(events).requests
  found = set()
  for row in range(len(r)):
    page = slice(r.page_offsets[row], r.page_offsets[row + 1])
    lines = zip(
      r.page_item[page].tolist(),
      r.page_kind[page].tolist(),
      r.page_value[page].tolist(),
    )
    query = None if r.query[row] < 0 else r.queries[r.query[row]]
    found.add(
      (
        r.user_ids[r.user[row]],
        int(r.time[row]),
        query,
        tuple(r.history(row).tolist()),
        tuple(lines),
      )
    )
  assert found == _reference(events)
  assert len(found) == len(r)
  assert (np.diff(r.time) >= 0).all()


def _training(user, time):
  return np.full(len(user), TRAIN, np.int8)


def _event(user, item, *, kind=ORDERED, **more):
  return {"user_id": user, "item": item, "kind": kind, "amount": None} | more


def test_a_session_is_one_page_whatever_its_seconds():
  events = [
    _event("u", 0, seconds=1, session="s", query="q", kind=EXPOSED),
    _event("u", 1, seconds=5, session="s", query="q"),
    _event("u", 2, seconds=3, session=None, query="q"),
  ]
  r = _build(events, split=_training).requests
  assert r.time.tolist() == [1, 3]
  assert [r.targets(row).tolist() for row in range(2)] == [[1], [2]]
  assert r.page_kind[:2].tolist() == [EXPOSED, ORDERED]
  assert r.history(1).tolist() == []  # Item 1 was bought after second 3.


def test_a_session_ends_with_the_period_of_its_request():
  events = [
    _event("u", 0, seconds=1, session="s", query="q"),
    _event("u", 1, seconds=5, session="s", query="q"),
    _event("u", 2, seconds=1, session="t", query="q", kind=EXPOSED),
    _event("u", 3, seconds=6, session="t", query="q"),
    _event("v", 2, seconds=5, session="s", query="q"),
    _event("v", 3, seconds=9, session="s", query="q"),
  ]
  for last, split in ((VALID, [TRAIN, VALID]), (TEST, [VALID, TEST])):
    parts = np.array([split[0], split[0], last], np.int8)
    r = _build(events, split=lambda user, time, parts=parts: parts).requests
    # The click at 5 is of the period of the request at 5; page t has no other.
    assert [r.targets(row).tolist() for row in range(len(r))] == [[0], [2, 3]]
    assert r.split.tolist() == split
    assert r.event_item.tolist() == [0, 1, 3, 2, 3]


def test_values_are_those_of_events_before_the_first_held_out_request():
  events = [
    _event("u", 0, seconds=1, query="q") | {"amount": 4.0},
    _event("u", 0, seconds=5, query="q") | {"amount": 9.0},
    _event("v", 1, seconds=5, query=None) | {"amount": 7.0},
  ]
  seen = []
  frame = pl.DataFrame(events).with_columns(
    pl.col("item").cast(pl.Int32),
    pl.col("kind").cast(pl.Int8),
    row=pl.int_range(pl.len()),
  )
  build_requests(
    user_blocks(frame),
    values=lambda training: seen.append(training["amount"].to_list()) or PRICES,
    split=lambda user, time: np.array([TRAIN, TEST], np.int8),
    shared_clock=True,
  )
  assert seen == [[4.0]]


def test_a_history_has_the_order_inside_a_second():
  frame = pl.DataFrame(
    {
      "row": [2, 3, 4, 5],
      "user_id": ["u"] * 4,
      "seconds": [7, 7, 7, 8],
      "nanoseconds": [900, 500, 100, 0],
      "item": pl.Series([2, 1, 0, 3], dtype=pl.Int32),
      "kind": pl.Series([ORDERED] * 4, dtype=pl.Int8),
    }
  )
  built = build_requests(
    user_blocks(frame),
    values=lambda training: PRICES,
    split=_training,
    shared_clock=True,
  )
  assert built.requests.history(0).tolist() == [0, 1, 2]


def test_without_a_time_neighbours_with_a_query_are_a_page():
  events = [
    _event("u", 0, query="q", kind=EXPOSED),
    _event("v", 3, query="q"),
    _event("u", 1, query="q"),
    _event("u", 2, query=None),
    _event("u", 3, query=None),
    _event("u", 0, query="q"),
  ]
  r = _build(events).requests
  mine = np.flatnonzero(r.user == 0)
  assert [r.targets(row).tolist() for row in mine] == [[1], [2], [3], [0]]
  assert [r.history(row).tolist() for row in mine] == [
    [],
    [1],
    [1, 2],
    [1, 2, 3],
  ]
  first = slice(r.page_offsets[mine[0]], r.page_offsets[mine[0] + 1])
  assert r.page_item[first].tolist() == [0, 1]


def test_pages_that_are_no_request_are_counted():
  built = _build(
    [
      _event("u", 0, seconds=0, query=None),
      _event("u", 1, seconds=1, query=None),
      _event("u", 2, seconds=2, query=None, kind=EXPOSED),
      _event("u", 3, seconds=2, query=None, kind=EXPOSED),
    ]
  )
  assert built.first_pages == 1
  assert built.unused_exposures == 2
  assert len(built.requests) == 1
  assert built.requests.page_value == pytest.approx([2])


def _of_column(events: list[dict], *, shared_clock: bool = False):
  frame = pl.DataFrame(events, schema_overrides={"query": pl.String})
  frame = frame.with_columns(
    pl.col("item").cast(pl.Int32),
    pl.col("kind", "part").cast(pl.Int8),
    row=pl.int_range(pl.len()),
  )
  seen = []
  built = build_requests(
    user_blocks(frame),
    values=lambda training: seen.extend(training["item"]) or PRICES,
    split=None,
    shared_clock=shared_clock,
  )
  return built, seen


def test_the_split_of_the_events_is_that_of_their_requests():
  """User v has no training row, and w a single one that is held out."""
  built, training = _of_column(
    [
      _event("u", item, place=item, query=None, part=part)
      for item, part in enumerate([TRAIN, TRAIN, VALID, TEST])
    ]
    + [_event("v", k, place=k, query=None, part=TEST) for k in (1, 2)]
    + [_event("w", 3, place=0, query=None, part=VALID)]
  )
  r = built.requests
  found = [
    (r.user_ids[r.user[k]], r.split[k], r.history(k).tolist(),
     r.targets(k).tolist())
    for k in np.lexsort((r.time, r.user))
  ]  # fmt: skip
  assert found == [
    ("u", TRAIN, [0], [1]),
    ("u", VALID, [0, 1], [2]),
    ("u", TEST, [0, 1, 2], [3]),
    ("v", TEST, [1], [2]),
  ]
  assert r.event_split.tolist() == [TRAIN, TRAIN, VALID, TEST, TEST, TEST,
                                    VALID]  # fmt: skip
  assert training == [0, 1]
  assert built.first_pages == 3
  assert built.held_out_first == 2


@given(
  st.lists(
    st.tuples(st.sampled_from("uvw"), st.integers(0, 6), st.integers(0, 3)),
    min_size=1,
    max_size=25,
  ),
  st.tuples(st.integers(0, 7), st.integers(0, 7)),
  st.sampled_from(["seconds", "place"]),
)
def test_no_row_changes_its_published_split(rows, cuts, clock):
  """Rows of a place are of the split that it lies in, for user v two later."""
  low, high = sorted(cuts)
  events = [
    _event(user, item, query=None, nanoseconds=0, **{clock: place})
    | {"part": int(moved >= low) + int(moved >= high)}
    for user, place, item in rows
    for moved in [place + 2 * (user == "v")]
  ]
  built, training = _of_column(events, shared_clock=clock == "seconds")
  r = built.requests
  assert sorted(r.event_split) == sorted(e["part"] for e in events)
  last = r.user_offsets[r.user + 1]
  for row in range(len(r)):
    own = slice(r.history_end[row], last[row])
    page = slice(r.page_offsets[row], r.page_offsets[row + 1])
    count = (r.event_time[own] == r.time[row]).sum()
    asked = r.event_item[own][:count]
    assert set(r.event_split[own][:count]) == {r.split[row]}
    assert set(r.page_item[page]) == set(asked)
  mask = event_mask(r)
  assert sorted(training) == sorted(r.event_item[mask])
  np.testing.assert_array_equal(mask, r.event_split == TRAIN)
  np.testing.assert_array_equal(
    event_mask(r, before=TEST), r.event_split < TEST
  )


def test_a_training_row_after_the_test_of_another_user_is_learned():
  """User u buys once, later than what is held out of v, on the same clock."""
  events = [_event("v", k, seconds=k, query=None) for k in range(3)]
  events = [e | {"part": part} for e, part in zip(events, (0, 0, TEST))]
  events += [_event("u", 3, seconds=9, query=None, part=TRAIN)]
  built, training = _of_column(events, shared_clock=True)
  assert sorted(training) == [0, 1, 3]
  assert built.requests.event_item[event_mask(built.requests)].tolist() == [
    3,
    0,
    1,
  ]
