"""JSON values become the text that a CSV file would hold."""

import json

import pytest

from gr_jax.data.imports.jsonl_rows import read_jsonl


def _read(*lines: str, wanted: tuple[str, ...] = ("a", "b")):
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
def test_values_as_text(value, text):
  checked = _read(json.dumps({"a": value})).checked
  assert checked.frame["a"].to_list() == [text]


def test_keys_may_differ_from_line_to_line():
  table = _read('{"a": 1}', "", '{"b": 2, "c": 3}')
  assert table.columns == ("a", "b", "c")
  assert table.checked.frame.rows() == [(1, "1", None), (3, None, "2")]


def test_a_key_that_never_comes_is_no_column():
  assert _read('{"a": 1}').checked.frame.columns == ["row", "a"]


def test_bad_lines_are_rejected_by_number():
  checked = _read('{"a": 1}', "{", "3", '{"a": "\\ud800"}').checked
  assert checked.rejects.select("row", "reason").rows() == [
    (2, "malformed row: not JSON"),
    (3, "malformed row: not a JSON object"),
    (4, "bad encoding: not UTF-8"),
  ]
  assert checked.frame.height == 1
  assert checked.rows_read == 4


def test_an_array_is_an_error():
  with pytest.raises(ValueError, match="one JSON array; write one object"):
    _read('[{"a": 1}]')
