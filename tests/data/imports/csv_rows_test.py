"""What a CSV writer writes is read back; what is broken costs one line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.csv_rows import DELIMITERS, read_csv

HEADER = ["a", "b", "c"]
FIELDS = st.text(
  # Controls are left out: Python strips more of them than Polars does.
  st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"),
  max_size=6,
)


def _read(text: str, *, wanted: tuple[str, ...] = ("a", "b", "c")):
  lines = text.splitlines(keepends=True) if "\n" in text else [text]
  return read_csv(lines, set(), wanted=set(wanted), file="t.csv").checked


@given(
  rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=8),
  delimiter=st.sampled_from(DELIMITERS),
)
def test_rows_survive_writing_and_reading(rows, delimiter):
  stream = io.StringIO()
  writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
  writer.writerows([HEADER, *rows])
  lines = [line + "\n" for line in stream.getvalue().split("\n")[:-1]]
  checked = read_csv(lines, set(), wanted=set(HEADER), file="t.csv").checked
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
  checked = _read('a,b,c\n1,2,3\n\n4,"5\n5\n5",6\n7,8,9\n')
  assert checked.frame["row"].to_list() == [2, 4, 7]
  assert checked.frame["b"].to_list() == ["2", "5\n5\n5", "8"]


def test_a_stray_quote_costs_one_line_not_the_lines_after_it():
  checked = _read('a,b,c\n1,"2,3\n4,5,6\n7,"8",9\n10,11,12\n')
  assert checked.frame["a"].to_list() == ["4", "7", "10"]
  assert checked.rejects.rows() == [
    ("t.csv", 2, "malformed row: text after a closing quote", '1,"2,3')
  ]


def test_a_quote_that_is_never_closed_is_named():
  checked = _read('a,b,c\n1,"2,3\n4,5,6\n')
  assert checked.frame["a"].to_list() == ["4"]
  assert checked.rejects["reason"].item() == (
    "malformed row: a quote is not closed"
  )


def test_a_field_past_the_limit_of_the_parser_is_a_quote_not_closed():
  long = "\n".join(["1,2,3"] * 40_000)
  checked = _read(f'a,b,c\n0,"2,3\n{long}\n')
  assert checked.frame.height == 40_000
  assert checked.rejects["row"].to_list() == [2]


@pytest.mark.parametrize("row", ["1,2", "1,2,3,4"])
def test_a_row_of_another_length_than_the_header_is_rejected(row):
  checked = _read(f"a,b,c\n{row}\n4,5,6\n")
  assert checked.frame["a"].to_list() == ["4"]
  assert checked.rejects["row"].item() == 2
  assert checked.rejects["content"].item() == row
  assert checked.rows_read == 2


def test_a_wanted_column_named_twice_is_an_error():
  assert _read("a,b,b\n1,2,3\n", wanted=("a",)).frame.height == 1
  with pytest.raises(ValueError, match="two columns named 'b'"):
    _read("a,b,b\n1,2,3\n")


def test_only_the_lines_that_are_not_utf8_are_rejected():
  lines = ["a,b\n", "1,2\n", "3,\\xff\n", '"5\n', '",6\n']
  checked = read_csv(lines, {2, 4}, wanted={"a", "b"}, file="t.csv").checked
  assert checked.frame["row"].to_list() == [2]
  assert checked.rejects["row"].to_list() == [3, 4]
  assert set(checked.rejects["reason"]) == {"bad encoding: not UTF-8"}
