"""Every reject is counted; notes speak only of what is missing or assumed."""

import polars as pl

from gr_jax.data.imports import summary
from gr_jax.data.imports.checked_table import reject_rows


def test_rejects_are_counted_by_reason_with_their_first_rows():
  rows = [(row, "x", "") for row in (9, 2, 7, 3, 4, 5)]
  rejects = reject_rows("t.csv", [*rows, (6, "y", "")])
  assert summary.count_rejects(rejects) == (
    ("t.csv", "x", 6, (2, 3, 4, 5, 7)),
    ("t.csv", "y", 1, (6,)),
  )


def test_a_missing_column_has_a_line_and_a_present_one_has_none():
  everything = ["category", "value"], ["time", "event", "query"]
  assert summary.missing_column_notes(*everything) == []
  for column in ("category", "value", "time", "event", "query"):
    items, events = (
      [name for name in names if name != column] for names in everything
    )
    (line,) = summary.missing_column_notes(items, events)
    assert line.startswith(f"no '{column}' column: ")
    assert "\n" not in line


def test_event_types_are_noted_with_their_reading():
  events = pl.DataFrame({"event": ["View", "buy", "buy"], "kind": [0, 2, 2]})
  assert summary.event_type_note(events) == [
    "event types: buy = order (2), view = exposure (1)."
  ]
  assert summary.event_type_note(events.drop("event")) == []


def test_only_a_users_own_order_counts():
  events = pl.DataFrame(
    {
      "row": [2, 3, 4],
      "user_id": ["u", "v", "u"],
      "seconds": [5, 1, 5],
      "nanoseconds": [8, 9, 8],
    }
  )
  assert summary.order_note(events) == []
  late = events.with_columns(seconds=pl.Series([5, 1, 4]))
  assert "1 events come after" in summary.order_note(late)[0]
  assert "row 4" in summary.order_note(late)[0]
  late = events.with_columns(nanoseconds=pl.Series([8, 9, 7]))
  assert "row 4" in summary.order_note(late)[0]
  later = events.with_columns(
    seconds=pl.Series([5, 1, 6]), nanoseconds=pl.Series([8, 9, 7])
  )
  assert summary.order_note(later) == []


def test_pages_that_are_no_request_are_noted():
  assert summary.page_notes(0, 0) == []
  assert [line[:2] for line in summary.page_notes(3, 4)] == ["3 ", "4 "]
