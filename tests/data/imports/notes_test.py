"""Notes speak only of what is missing or assumed."""

import polars as pl

from gr_jax.data.imports import notes
from gr_jax.data.requests import TEST, TRAIN, VALID


def test_a_missing_column_has_a_line_and_a_present_one_has_none():
  everything = ["category", "value"], ["time", "event", "query"]
  assert notes.missing_column_notes(*everything) == []
  for column in ("category", "value", "time", "event", "query"):
    items, events = (
      [name for name in names if name != column] for names in everything
    )
    (line,) = notes.missing_column_notes(items, events)
    assert line.startswith(f"no '{column}' column: ")
    assert "\n" not in line


def test_fields_have_a_note_that_says_who_reads_them():
  assert notes.field_note(["item_id", "text", "value"]) == []
  (line,) = notes.field_note(["text", "conversion", "account"])
  assert line.startswith("account, conversion: hashed into the last code by")


def test_event_types_are_noted_with_their_reading():
  events = pl.DataFrame({"event": ["View", "buy", "buy"], "kind": [0, 2, 2]})
  assert notes.event_type_note(events) == [
    "event types: buy = order (2), view = exposure (1).",
    "view is an exposure, an item in a list; where it is the page of one item, "
    "add --event_types=view=click.",
  ]
  assert notes.event_type_note(events.drop("event")) == []


def test_only_a_users_own_order_counts():
  events = pl.DataFrame(
    {
      "row": [2, 3, 4],
      "user_id": ["u", "v", "u"],
      "seconds": [5, 1, 5],
      "nanoseconds": [8, 9, 8],
    }
  )
  assert notes.order_note(events) == []
  late = events.with_columns(seconds=pl.Series([5, 1, 4]))
  assert "1 events come after" in notes.order_note(late)[0]
  assert "row 4" in notes.order_note(late)[0]
  late = events.with_columns(nanoseconds=pl.Series([8, 9, 7]))
  assert "row 4" in notes.order_note(late)[0]
  later = events.with_columns(
    seconds=pl.Series([5, 1, 6]), nanoseconds=pl.Series([8, 9, 7])
  )
  assert notes.order_note(later) == []


def test_pages_that_are_no_request_are_noted():
  assert notes.page_notes(0, 0) == []
  assert [line[:2] for line in notes.page_notes(3, 4)] == ["3 ", "4 "]
  assert notes.page_notes(0, 0, 0) == []
  held_out = notes.page_notes(3, 0, 2)[1]
  assert held_out.startswith("2 of these are held out by the split")


def test_the_note_on_missing_times_says_what_is_the_order_and_the_split():
  rest = ["event", "query"]
  found = {}
  for more in ((), ("order",), ("split",), ("order", "split")):
    present = ["category", "value"], [*rest, *more]
    (found[more],) = notes.missing_column_notes(*present)
  for more, line in found.items():
    assert ("file order" in line) == ("order" not in more)
    assert ("the order column is the time" in line) == ("order" in more)
    assert ("last request is the test" in line) == ("split" not in more)
  assert found["split",].endswith("per user, training rows first.")


def test_splits_are_noted_with_their_reading():
  events = pl.DataFrame(
    {
      "row": [2, 3, 4, 5],
      "user_id": ["u", "u", "v", "v"],
      "split": ["Dev", "dev", "train", "test"],
      "part": [VALID, VALID, TRAIN, TEST],
    }
  )
  line = "the split is that of the file: train = train (1), dev = valid (2), "
  assert notes.split_notes(events) == [f"{line}test = test (1) events."]
  assert notes.split_notes(events.drop("part")) == []
  late = events.with_columns(part=pl.Series([TEST, TRAIN, TRAIN, TEST]))
  (_, order) = notes.split_notes(late)
  assert order.startswith("1 rows come after")
  assert "row 3" in order
  # Where a column gives the order, the file need not.
  assert len(notes.split_notes(late.with_columns(place=pl.lit(0)))) == 1
  assert len(notes.split_notes(late.with_columns(seconds=pl.lit(0)))) == 1


def test_shared_places_and_contradictions_to_the_time_are_noted():
  events = pl.DataFrame(
    {
      "row": [2, 3, 4, 5],
      "user_id": ["u", "u", "u", "v"],
      "place": [1, 2, 2, 2],
    }
  )
  (line,) = notes.place_notes(events)
  assert line.startswith("2 events share their place")
  assert "row 3" in line
  assert notes.place_notes(events.filter(pl.col("row") != 4)) == []
  assert notes.place_notes(events.drop("place")) == []
  timed = events.with_columns(
    seconds=pl.Series([7, 7, 8, 1]), nanoseconds=pl.lit(0)
  )
  assert notes.place_notes(timed) == []
  (line,) = notes.place_notes(
    timed.with_columns(seconds=pl.Series([8, 7, 7, 1]))
  )
  assert line.startswith("time and order disagree: 1 events")
  assert "row 2" in line


def test_times_that_are_no_times_are_doubted():
  events = pl.DataFrame({"seconds": [1101, 1102]})
  (line,) = notes.time_note(events)
  assert line.startswith("2 of 2 times are before 1990")
  assert notes.time_note(pl.DataFrame({"seconds": [10**9]})) == []
  (line,) = notes.time_note(pl.DataFrame({"seconds": [1101, 10**9]}))
  assert line.startswith("1 of 2 times")
  (line,) = notes.time_note(pl.DataFrame({"seconds": [45_689, 45_690]}))
  assert "45689 is 2025-02-01" in line
  events = pl.DataFrame({"seconds": [10**9, 10**9 + 43_200]})
  assert notes.time_range(events) == (
    "times: 2001-09-09 01:46:40 to 2001-09-09 13:46:40 UTC, 0.5 days"
  )
  assert notes.time_note(events.drop("seconds")) == []
