"""Parquet columns of any type become the text that a CSV file would hold."""

import datetime

import polars as pl
import pytest

from gr_jax.data.imports.parquet_rows import read_parquet

MOMENT = datetime.datetime(2024, 5, 31, 13, 45, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
  ("series", "text"),
  [
    (pl.Series(["x ", ""]), ["x", None]),
    (pl.Series([12, None]), ["12", None]),
    (pl.Series([12.0, 2.5]), ["12", "2.5"]),
    (pl.Series([["x", "y"], []]), ["x > y", None]),
    (pl.Series([[["x", "y"], ["z"]], None]), ["x > y", None]),
    (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
    (pl.Series([MOMENT]), ["2024-05-31 13:45:00.000000"]),
    (pl.Series([MOMENT.date()]), ["2024-05-31"]),
    (pl.Series([b"x", None]), ["x", None]),
  ],
)
def test_values_as_text(tmp_path, series, text):
  path = tmp_path / "t.parquet"
  series.alias("a").to_frame().with_columns(other=1).write_parquet(path)
  table = read_parquet(path, wanted={"a"}, file="t.parquet")
  assert table.columns == ("a", "other")
  assert table.checked.frame["a"].to_list() == text
  assert table.checked.frame["row"].to_list() == [*range(1, len(text) + 1)]


def test_bytes_that_are_not_utf8_are_rejected_by_row(tmp_path):
  path = tmp_path / "t.parquet"
  pl.DataFrame({"a": [b"x", b"\xff", b"y"]}).write_parquet(path)
  checked = read_parquet(path, wanted={"a"}, file="t.parquet").checked
  assert checked.frame.rows() == [(1, "x"), (3, "y")]
  assert checked.rejects["row"].to_list() == [2]


def test_a_file_that_is_not_parquet_is_one_line(tmp_path):
  path = tmp_path / "t.parquet"
  path.write_text("a,b\n")
  with pytest.raises(ValueError, match="not readable Parquet") as caught:
    read_parquet(path, wanted={"a"}, file="t.parquet")
  assert "\n" not in str(caught.value)
