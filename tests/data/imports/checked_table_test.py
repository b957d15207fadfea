"""A row is kept or listed, and rows collected one by one stay the same."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports import checked_table
from gr_jax.data.imports.checked_table import (
  CheckedTable,
  RowCollector,
  reject_rows,
)


def _checked(values: list[int | None]) -> CheckedTable:
  frame = pl.DataFrame(
    {
      "row": range(1, len(values) + 1),
      "x": values,
      "text": ["t"] * len(values),
    },
    schema={"row": pl.Int64, "x": pl.Int64, "text": pl.String},
  )
  return CheckedTable("t.csv", frame, reject_rows("t.csv", []), len(values))


@given(st.lists(st.none() | st.integers(0, 3), max_size=20))
def test_drops_and_rest_make_up_the_file(values):
  checked = _checked(values)
  checked = checked.drop(pl.col("x") == 1, "one").drop(pl.col("x") > 2, "big")
  assert checked.frame.height + checked.rejects.height == checked.rows_read
  rows = checked.frame["row"].to_list() + checked.rejects["row"].to_list()
  assert sorted(rows) == list(range(1, len(values) + 1))
  listed = checked.rejects.filter(pl.col("reason") == "one")["row"]
  assert [values[row - 1] for row in listed] == [1] * len(listed)


def test_listing_keeps_the_row_and_shows_the_files_own_columns():
  checked = _checked([1, 2]).list(pl.col("x") == 2, "two")
  assert checked.frame.height == 2
  assert checked.rejects.rows() == [("t.csv", 2, "two", '{"text":"t"}')]


def test_chunks_do_not_show(monkeypatch):
  monkeypatch.setattr(checked_table, "_CHUNK", 3)
  for n in (0, 2, 3, 7):
    rows = RowCollector("t.csv", ["a", "b"])
    for i in range(n):
      rows.keep(i, [f" {i} ", " " if i % 2 else None])
    rows.reject(99, "bad", "line\r\n")
    checked = rows.checked(["a", "b"])
    assert checked.frame.rows() == [(i, str(i), None) for i in range(n)]
    assert checked.rejects.rows() == [("t.csv", 99, "bad", "line")]
    assert checked.rows_read == n + 1
