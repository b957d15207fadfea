"""Notes speak only of what is missing or was assumed."""

import polars as pl

from gr_jax.data.imports import notes


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


def test_event_types_are_told_with_their_reading():
  events = pl.DataFrame({"event": ["View", "buy", "buy"], "kind": [0, 2, 2]})
  assert notes.event_type_note(events) == [
    "event types: buy = order (2), view = exposure (1)."
  ]
  assert notes.event_type_note(events.drop("event")) == []


def test_only_a_users_own_order_counts():
  events = pl.DataFrame(
    {"row": [2, 3, 4], "user_id": ["u", "v", "u"], "seconds": [5, 1, 5]}
  )
  assert notes.order_note(events) == []
  late = events.with_columns(seconds=pl.Series([5, 1, 4]))
  assert "1 events come after" in notes.order_note(late)[0]
  assert "row 4" in notes.order_note(late)[0]


def test_pages_that_are_no_request_are_told():
  assert notes.page_notes(0, 0) == []
  assert [line[:2] for line in notes.page_notes(3, 4)] == ["3 ", "4 "]
