"""Three kinds of file give one table; what is broken costs one row."""

import csv
import datetime
import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.readers import (
  DELIMITERS,
  read_csv,
  read_jsonl,
  read_parquet,
)

HEADER = ["a", "b", "c"]
FIELDS = st.text(
  # Controls are left out: Python strips more of them than Polars does.
  st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"),
  max_size=6,
)


def _csv(text: str, *, wanted: tuple[str, ...] = ("a", "b", "c")):
  lines = text.splitlines(keepends=True) if "\n" in text else [text]
  return read_csv(lines, set(), wanted=set(wanted), file="t.csv")


@given(
  rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=8),
  delimiter=st.sampled_from(DELIMITERS),
)
def test_rows_survive_writing_and_reading(rows, delimiter):
  stream = io.StringIO()
  writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
  writer.writerows([HEADER, *rows])
  lines = [line + "\n" for line in stream.getvalue().split("\n")[:-1]]
  checked = read_csv(lines, set(), wanted=set(HEADER), file="t.csv")
  expected = [
    tuple(field.strip() or None for field in row) for row in rows if any(row)
  ]
  kept = [
    row[1:]
    for row in checked.frame.rows()
    if any(x is not None for x in row[1:])
  ]
  assert kept == [row for row in expected if any(x is not None for x in row)]
  assert checked.rejects.height == 0


def test_row_numbers_are_lines_and_a_long_record_is_named_by_its_first():
  checked = _csv('a,b,c\n1,2,3\n\n4,"5\n5\n5",6\n7,8,9\n')
  assert checked.frame["row"].to_list() == [2, 4, 7]
  assert checked.frame["b"].to_list() == ["2", "5\n5\n5", "8"]


def test_a_stray_quote_costs_one_line_not_the_lines_after_it():
  checked = _csv('a,b,c\n1,"2,3\n4,5,6\n7,"8",9\n10,11,12\n')
  assert checked.frame["a"].to_list() == ["4", "7", "10"]
  assert checked.rejects.rows() == [
    ("t.csv", 2, "malformed row: text after a closing quote", '1,"2,3')
  ]


def test_a_quote_that_is_never_closed_is_named():
  checked = _csv('a,b,c\n1,"2,3\n4,5,6\n')
  assert checked.frame["a"].to_list() == ["4"]
  assert checked.rejects["reason"].item() == (
    "malformed row: a quote is not closed"
  )


def test_a_field_past_the_limit_of_the_parser_is_a_quote_not_closed():
  long = "\n".join(["1,2,3"] * 40_000)
  checked = _csv(f'a,b,c\n0,"2,3\n{long}\n')
  assert checked.frame.height == 40_000
  assert checked.rejects["row"].to_list() == [2]


@pytest.mark.parametrize("row", ["1,2", "1,2,3,4"])
def test_a_row_of_another_length_than_the_header_is_rejected(row):
  checked = _csv(f"a,b,c\n{row}\n4,5,6\n")
  assert checked.frame["a"].to_list() == ["4"]
  assert checked.rejects["row"].item() == 2
  assert checked.rejects["content"].item() == row
  assert checked.rows_read == 2


def test_a_wanted_column_named_twice_is_an_error():
  assert _csv("a,b,b\n1,2,3\n", wanted=("a",)).frame.height == 1
  with pytest.raises(ValueError, match="two columns named 'b'"):
    _csv("a,b,b\n1,2,3\n")


def test_only_the_lines_that_are_not_utf8_are_rejected():
  lines = ["a,b\n", "1,2\n", "3,\\xff\n", '"5\n', '",6\n']
  checked = read_csv(lines, {2, 4}, wanted={"a", "b"}, file="t.csv")
  assert checked.frame["row"].to_list() == [2]
  assert checked.rejects["row"].to_list() == [3, 4]
  assert set(checked.rejects["reason"]) == {"bad encoding: not UTF-8"}


def _jsonl(*lines: str, wanted: tuple[str, ...] = ("a", "b")):
  return read_jsonl(list(lines), set(), wanted=set(wanted), file="t.jsonl")


@pytest.mark.parametrize(
  ("value", "text"),
  [
    ("word ", "word"),
    ("", None),
    (None, None),
    (12, "12"),
    (12.0, "12"),
    (12.5, "12.5"),
    (True, "true"),
    (["x", "y"], "x > y"),
    ([["x", "y"], ["z"]], "x > y"),
    ([], None),
    ({"k": 1}, '{"k": 1}'),
  ],
)
def test_json_values_as_text(value, text):
  checked = _jsonl(json.dumps({"a": value}))
  assert checked.frame["a"].to_list() == [text]


def test_keys_may_differ_from_line_to_line():
  table = _jsonl('{"a": 1}', "", '{"b": 2, "c": 3}')
  assert table.columns == ("a", "b", "c")
  assert table.frame.rows() == [(1, "1", None), (3, None, "2")]


def test_a_key_that_never_comes_is_no_column():
  assert _jsonl('{"a": 1}').frame.columns == ["row", "a"]


def test_bad_lines_of_json_are_rejected_by_number():
  checked = _jsonl('{"a": 1}', "{", "3", '{"a": "\\ud800"}')
  assert checked.rejects.select("row", "reason").rows() == [
    (2, "malformed row: not JSON"),
    (3, "malformed row: not a JSON object"),
    (4, "bad encoding: not UTF-8"),
  ]
  assert checked.frame.height == 1
  assert checked.rows_read == 4


def test_an_array_is_an_error():
  with pytest.raises(ValueError, match="one JSON array; write one object"):
    _jsonl('[{"a": 1}]')


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
    ValueError, match=r"t\.parquet: .*; write it as text"
  ) as e:
    read_parquet(path, wanted={"a"}, file="t.parquet")
  assert "\n" not in str(e.value)
