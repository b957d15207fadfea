"""Records come from lines as they were written; a bad one costs its first."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.records import (
  first_fields,
  plain_records,
  quoted_records,
)

TEXTS = st.text(st.sampled_from('ab,"\\\n '), max_size=6)
ROWS = st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=6)


@given(rows=ROWS, escaped=st.booleans())
def test_written_rows_are_read_with_their_lines(rows, escaped):
  escape = "\\" if escaped else None
  stream = io.StringIO()
  writer = csv.writer(
    stream,
    lineterminator="\n",
    quoting=csv.QUOTE_ALL,
    escapechar=escape,
    doublequote=not escaped,
  )
  writer.writerows(rows)
  lines = list(io.StringIO(stream.getvalue(), newline="\n"))
  records = list(
    quoted_records(lines, 0, len(lines), ",", 2, longest=0, escape=escape)
  )
  assert [fields for _, _, fields, _ in records] == rows
  assert not any(wrong for *_, wrong in records)
  assert [i for i, *_ in records] + [len(lines)] == [0] + [
    end for _, end, *_ in records
  ]


@given(st.lists(st.text(st.sampled_from('a",\t'), max_size=8), max_size=8))
def test_every_line_is_in_a_record_or_blank(texts):
  lines = [f"{text}\n" for text in texts]
  for records in (
    quoted_records(lines, 0, len(lines), ",", 2, longest=0),
    plain_records(lines, 0, len(lines), ",", 2),
  ):
    found = set()
    for i, end, fields, wrong in records:
      found |= set(range(i, end))
      assert wrong or len(fields) == 2
    assert {i for i, text in enumerate(texts) if text} <= found


@pytest.mark.parametrize("length", [10, 131_072, 400_000])
def test_a_line_of_any_length_is_read_and_the_limit_stays(length):
  before = csv.field_size_limit()
  line = f"{'x' * length},b\n"
  assert first_fields(line, ",") == ["x" * length, "b"]
  (record,) = quoted_records([line], 0, 1, ",", 2, longest=len(line))
  assert record == (0, 1, ["x" * length, "b"], "")
  assert csv.field_size_limit() == before


def test_many_quotes_that_are_not_closed_cost_no_more_than_their_lines():
  lines = ['1,"x\n'] * 300 + ["1,2\n"] * 10
  records = list(quoted_records(lines, 0, len(lines), ",", 2, longest=0))
  assert [i for i, _, _, wrong in records if not wrong] == list(range(300, 310))
