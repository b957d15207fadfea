"""Delimited text is read as it is found; what is broken costs one row."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.checked_table import BAD_ENCODING
from gr_jax.data.imports.delimited import DELIMITERS, read_csv
from tests.data.imports.packed_bytes import text_of

HEADER = ["a", "b", "c"]
FIELDS = st.text(
  # Controls are left out: Python strips more of them than Polars does.
  st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"),
  max_size=6,
)


def _csv(text: str, *, wanted: tuple[str, ...] = ("a", "b", "c"), **options):
  return read_csv(text_of(text), wanted=set(wanted), file="t.csv", **options)


@given(
  rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=8),
  delimiter=st.sampled_from([mark for mark in DELIMITERS if len(mark) == 1]),
)
def test_rows_survive_writing_and_reading(rows, delimiter):
  stream = io.StringIO()
  writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
  writer.writerows([HEADER, *rows])
  checked = read_csv(
    text_of(stream.getvalue()), wanted=set(HEADER), file="t.csv"
  )
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


def test_columns_of_one_name_are_numbered():
  table = _csv("a,b,b\n1,2,3\n", wanted=("a", "b", "b#2"))
  assert table.columns == ("a", "b#1", "b#2")
  assert table.frame.rows() == [(2, "1", "3")]
  assert "two columns named 'b'; --columns says which: b#1" in table.notes[0]


def test_the_line_of_excel_names_the_delimiter():
  table = _csv("sep=;\na;b\n1,5;2\n")
  assert table.frame.rows() == [(3, "1,5", "2")]


def test_records_with_a_bad_line_are_rejected():
  text = text_of(b'a,b\n1,2\n3,\xff\n"5\n\xff",6\n')
  checked = read_csv(text, wanted={"a", "b"}, file="t.csv")
  assert checked.frame["row"].to_list() == [2]
  assert checked.rejects["row"].to_list() == [3, 4]
  assert set(checked.rejects["reason"]) == {BAD_ENCODING}


def _rows(text: str, **options):
  return _csv(text, wanted=("a", "b", "c"), **options).frame.rows()


@pytest.mark.parametrize(
  ("text", "rows"),
  [
    # MovieLens: u.item, movies.dat; ratings of Amazon.
    ("1|Toy|1995||http\n2|Fun, a|||x\n", [(1, "1", "Toy"), (2, "2", "Fun, a")]),
    ("1::Toy, A|B::C|D\n2::Fun::C\n", [(1, "1", "Toy, A|B"), (2, "2", "Fun")]),
    ("A1,B1,5.0,13\nA2,B2,1.0,14\n", [(1, "A1", "B1"), (2, "A2", "B2")]),
    ("x\ty\n", [(1, "x", "y")]),
  ],
)
def test_a_header_that_is_given_names_the_first_columns(text, rows):
  assert _rows(text, header=("a", "b")) == rows


def test_a_given_header_longer_than_the_rows_is_an_error():
  with pytest.raises(ValueError, match=r"has 2 columns .* names 3: a, b, c"):
    _csv("1,2\n3,4\n", header=("a", "b", "c"))


def test_a_first_line_that_is_broken_costs_itself():
  table = _csv("x\n1::a\n2::b, c\n", header=("a", "b"))
  assert table.frame.rows() == [(2, "1", "a"), (3, "2", "b, c")]
  assert table.rejects["row"].to_list() == [1]


def test_a_header_in_the_file_is_no_row_where_one_is_given():
  table = _csv("b,a\n1,2\n", header=("a", "time"))
  assert table.frame.rows() == [(2, "1", "2")]
  assert table.columns == ("b", "a")
  assert "has a header of its own" in table.notes[0]


def test_a_lone_quote_in_every_row_hides_no_column():
  text = "".join(f'N{n}\tshe said "no\tlong\n' for n in range(3))
  table = _csv(text, header=("a", "b", "c"), delimiter="\t")
  assert table.frame["b"].to_list() == ['she said "no'] * 3
  quoted = _csv('1,"x, y","z ""q"", w"\n2,a,b\n', header=("a", "b", "c"))
  assert quoted.frame["c"].to_list() == ['z "q", w', "b"]


def test_a_value_that_is_a_name_of_the_header_makes_no_header():
  table = _csv("1,c,long\n2,new,short\n", header=("a", "b", "c"))
  assert table.frame["b"].to_list() == ["c", "new"]


def test_a_delimiter_that_is_named_is_taken():
  assert _rows("a b\n1 2\n", delimiter=" ") == [(2, "1", "2")]
  assert _rows('a##b\n"1##2\n', delimiter="##") == [(2, '"1', "2")]


def test_quotes_of_a_file_with_tabs_are_letters_where_they_break_rows():
  table = _csv('a\tb\n1\t"Weird Al" Yankovic\n2\t"x\n3\ty"\n')
  assert table.frame["b"].to_list() == ['"Weird Al" Yankovic', '"x', 'y"']
  assert table.rejects.height == 0
  assert "quotes are taken as they stand" in table.notes[0]


def test_quotes_that_hold_tabs_or_lines_stay_marks():
  table = _csv('a\tb\n1\t"x\ty"\n2\t"l\nm"\n3\t"z"\n')
  assert table.frame["b"].to_list() == ["x\ty", "l\nm", "z"]
  assert table.notes == ()


def test_a_backslash_before_a_quote_is_read_where_it_saves_rows():
  table = _csv('a,b,c\n1,"say \\"x\\", y",C:\\new\n4,5,6\n')
  assert table.frame["b"].to_list() == ['say "x", y', "5"]
  assert table.rejects.height == 0
  assert "a backslash before a quote makes it a letter" in table.notes[0]
  plain = _csv("a,b,c\n1,C:\\new,3\n")
  assert plain.frame["b"].to_list() == ["C:\\new"]


def test_a_field_longer_than_the_parser_allows_is_read():
  limit = csv.field_size_limit()
  table = _csv(f"a,b,c\n1,{'x' * 200_000},3\n4,5,6\n")
  assert table.frame["b"].str.len_chars().to_list() == [200_000, 1]
  assert csv.field_size_limit() == limit


def test_a_header_that_cannot_be_read_is_one_line():
  with pytest.raises(ValueError, match=r"t\.csv: its first line cannot be"):
    read_csv(text_of("a,b\rc\n1,2\n"), wanted={"a"}, file="t.csv")
