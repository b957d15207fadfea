"""Rows of public logs become events and items, and keep their line."""

import json

import polars as pl
import pytest

from gr_jax.data.imports.checked_table import CheckedTable, reject_rows
from gr_jax.data.imports.reshape import (
  GA4_ITEMS,
  GA4_LINES,
  MIND_IMPRESSIONS,
  RETAILROCKET_PROPERTIES,
)


def _table(**columns: list) -> CheckedTable:
  frame = pl.DataFrame({"row": range(2, 2 + len(next(iter(columns.values()))))})
  frame = frame.with_columns(
    pl.Series(name, values, dtype=pl.String) for name, values in columns.items()
  )
  return CheckedTable(
    "t", frame, reject_rows("t", []), frame.height, tuple(columns)
  )


def test_impressions_are_a_row_for_each_article():
  table = MIND_IMPRESSIONS.of(_table(shown=["N1-1 N2-0", None, "a-b-1"]))
  assert table.frame.select("row", "item_id", "event").rows() == [
    (2, "N1", "click"),
    (2, "N2", "impression"),
    (3, None, "impression"),
    (4, "a-b", "click"),
  ]
  assert table.rows_read == 4


def test_properties_are_the_last_of_each_item():
  table = RETAILROCKET_PROPERTIES.of(
    _table(
      timestamp=["9", "10", "5", "7", "x"],
      itemid=["1", "1", "1", "2", "3"],
      property=["categoryid", "categoryid", "790", "888", "888"],
      value=["old", "new", "n12.5", "a n1", "b"],
    )
  )
  columns = ("row", "itemid", "category", "price", "text")
  assert table.frame.select(columns).rows() == [
    (2, "1", "new", "12.5", "item 1"),
    (5, "2", None, None, "a n1"),
    (6, "3", None, None, "b"),
  ]


ITEM = {"item_id": "s1", "item_name": "Mug", "price": 2, "item_category": "A",
        "item_category2": "B", "item_category3": ""}  # fmt: skip


def _events(*items):
  return _table(
    items=[json.dumps(item) for item in items], user=["u"] * len(items)
  )


def test_items_of_an_event_are_rows_and_once_in_the_catalogue():
  other = {"item_id": 2, "item_name": "(not set)"}
  events = _events([ITEM, other], [], None, [ITEM | {"item_name": "Cup"}])
  lines = GA4_LINES.of(events).frame
  assert lines.select("row", "item_id", "item_name", "category").rows() == [
    (2, "s1", "Mug", "A > B"),
    (2, "2", None, None),
    (5, "s1", "Cup", "A > B"),
  ]
  assert GA4_ITEMS.of(events).frame["item_id"].to_list() == ["s1", "2"]
  assert GA4_ITEMS.of(events).frame["item_name"].to_list() == ["Mug", None]


@pytest.mark.parametrize("cell", ["{", "3", '"x"', "[3, null]", "[[]]"])
def test_a_list_that_is_none_gives_no_row(cell):
  assert GA4_LINES.of(_table(items=[cell])).frame.height == 0


def test_a_table_without_the_columns_stays():
  table = _table(a=["1"])
  assert MIND_IMPRESSIONS.of(table) is table
