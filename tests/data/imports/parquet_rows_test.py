"""Parquet of any type gives text, or one line that says why not."""

import datetime

import polars as pl
import pytest

from gr_jax.data.imports.checked_table import LIST_SEPARATOR
from gr_jax.data.imports.parquet_rows import read_parquet

MOMENT = datetime.datetime(2024, 5, 31, 13, 45, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
  ("series", "text"),
  [
    (pl.Series(["x ", ""]), ["x", None]),
    (pl.Series([12, None]), ["12", None]),
    (pl.Series([12.0, 2.5]), ["12", "2.5"]),
    (pl.Series([["x", "y"], []]), [f"x{LIST_SEPARATOR}y", None]),
    (pl.Series([[["x", "y"], ["z"]], None]), [f"x{LIST_SEPARATOR}y", None]),
    (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
    (pl.Series([MOMENT]), ["2024-05-31 13:45:00.000000"]),
    (pl.Series([MOMENT.date()]), ["2024-05-31"]),
    (pl.Series([b"x", None]), ["x", None]),
    (pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2)), [f"1{LIST_SEPARATOR}2"]),
    (pl.Series([{"k": 1}]), ['{"k":1}']),
    (pl.Series([[{"k": 1}, {"k": 2}]]), ['[{"k":1}, {"k":2}]']),
    (pl.Series([None]), [None]),
    (pl.Series([2**63], dtype=pl.UInt64), ["9223372036854775808"]),
    (pl.Series([10**9, 0]).cast(pl.Date), [None, "1970-01-01"]),
    (pl.Series([2**62]).cast(pl.Datetime("us")), [None]),
    (pl.Series([-(2**62)]).cast(pl.Datetime("ms", "Asia/Tokyo")), [None]),
  ],
)
def test_parquet_values_as_text(tmp_path, series, text):
  path = tmp_path / "t.parquet"
  series.alias("a").to_frame().with_columns(other=1).write_parquet(path)
  table = read_parquet(path, wanted={"a"}, file="t.parquet")
  assert table.columns == ("a", "other")
  assert table.frame["a"].to_list() == text
  assert table.frame["row"].to_list() == [*range(1, len(text) + 1)]


def test_bytes_that_are_not_utf8_are_rejected_by_row(tmp_path):
  path = tmp_path / "t.parquet"
  pl.DataFrame({"a": [b"x", b"\xff", b"y"]}).write_parquet(path)
  checked = read_parquet(path, wanted={"a"}, file="t.parquet")
  assert checked.frame.rows() == [(1, "x"), (3, "y")]
  assert checked.rejects["row"].to_list() == [2]


def test_a_file_that_is_not_parquet_is_one_line(tmp_path):
  path = tmp_path / "t.parquet"
  path.write_text("a,b\n")
  with pytest.raises(ValueError, match="not readable Parquet") as caught:
    read_parquet(path, wanted={"a"}, file="t.parquet")
  assert "\n" not in str(caught.value)


def test_a_type_that_has_no_text_is_one_line(tmp_path):
  path = tmp_path / "t.parquet"
  pl.DataFrame({"a": [datetime.timedelta(days=1)]}).write_parquet(path)
  with pytest.raises(
    ValueError, match=r"t\.parquet, column 'a': .*; write it as text"
  ) as e:
    read_parquet(path, wanted={"a"}, file="t.parquet")
  assert "\n" not in str(e.value)
