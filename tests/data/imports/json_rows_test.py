"""Every form of JSON that people have gives one table."""

import json

import pytest

from gr_jax.data.imports.checked_table import BAD_ENCODING, LIST_SEPARATOR
from gr_jax.data.imports.json_rows import read_json


def _json(*lines: str, wanted: tuple[str, ...] | None = ("a", "b")):
  return read_json(
    list(lines), {}, wanted=wanted and set(wanted), file="t.json"
  )


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
    (["x", "y"], f"x{LIST_SEPARATOR}y"),
    ([["x", "y"], ["z"]], f"x{LIST_SEPARATOR}y"),
    ([], None),
    ({"k": 1}, '{"k": 1}'),
  ],
)
def test_json_values_as_text(value, text):
  checked = _json(json.dumps({"a": value}))
  assert checked.frame["a"].to_list() == [text]


def test_keys_may_differ_from_line_to_line():
  table = _json('{"a": 1}', "", '{"b": 2, "c": 3}')
  assert table.columns == ("a", "b", "c")
  assert table.frame.rows() == [(1, "1", None), (3, None, "2")]


def test_a_key_that_never_comes_is_no_column():
  assert _json('{"a": 1}').frame.columns == ["row", "a"]


def test_bad_lines_of_json_are_rejected_by_number():
  checked = _json('{"a": 1}', "{", "3", '{"a": "\\ud800"}')
  assert checked.rejects.select("row", "reason").rows() == [
    (2, "malformed row: not JSON"),
    (3, "malformed row: not a JSON object"),
    (4, BAD_ENCODING),
  ]
  assert checked.frame.height == 1
  assert checked.rows_read == 4


PRETTY = '{\n  "a": 1\n}\n{\n  "a": "2",\n  "b": "x"\n}\n'
BY_ID = '{\n  "i1": {"b": "mug"},\n  "i2": {\n    "b": "cup"\n  }\n}'


@pytest.mark.parametrize(
  ("text", "columns", "rows"),
  [
    ('[{"a": 1},\n {"a": 2}]', ["a"], [("1",), ("2",)]),
    (PRETTY, ["a", "b"], [("1", None), ("2", "x")]),
    (
      BY_ID,
      ["b", "item_id", "key"],
      [("mug", "i1", "i1"), ("cup", "i2", "i2")],
    ),
    ('{"k": {"item_id": 7}}', ["item_id", "key"], [("7", "k")]),
    (
      '{"u1": [3, 1], "u2": ["4"]}',
      ["item_id", "user_id"],
      [("3", "u1"), ("1", "u1"), ("4", "u2")],
    ),
    ('{"products": [{"a": 1}, {"a": 2}], "n": 2}', ["a"], [("1",), ("2",)]),
  ],
)
def test_whole_documents_are_rows_of_their_objects(text, columns, rows):
  table = _json(*text.splitlines(keepends=True), wanted=None)
  assert table.frame.columns == ["row", *columns]
  assert table.frame.rows() == [(i, *row) for i, row in enumerate(rows, 1)]
  assert len(table.notes) == 1


def test_one_line_that_has_a_wanted_key_is_one_row():
  assert _json('{"a": {"x": {}}}').frame["a"].to_list() == ['{"x": {}}']


def test_lines_of_python_literals_are_read():
  table = _json(
    "{'a': 'B1', 'b': [['Hair', 'Care'], ['x']]}\n",
    "{'a': \"Ann's\", 'b': 'a\\/b'}\n",
    "{'a': __import__('os').getcwd()}\n",
    "{'a': {1: (2, b'x')}, 3: 4}\n",
  )
  assert table.frame["a"].to_list() == ["B1", "Ann's", '{"1": [2, "b\'x\'"]}']
  assert table.frame["b"].to_list() == [
    f"Hair{LIST_SEPARATOR}Care",
    "a\\/b",
    None,
  ]
  assert table.rejects["row"].to_list() == [3]


@pytest.mark.parametrize(
  "line",
  [
    '{"a": ' + "9" * 5000 + "}",
    "{'a': " + "9" * 5000 + "}",
    '{"a": ' + "[" * 100_000,
    "{'a': " + "(" * 100_000 + "}",
    "{'a': " + "-" * 100_000 + "1}",
    '{"a": "' + "\0" + '"}',
    '{"\\ud800": 1, "a": "\\udc00"}',
  ],
)
def test_a_line_that_cannot_be_read_costs_itself(line):
  table = _json('{"a": 1}', line, '{"a": 2}')
  assert table.frame["a"].to_list() == ["1", "2"]
  assert table.rejects["row"].to_list() == [2]


@pytest.mark.parametrize("wanted", [None, ("a",)])
def test_half_a_surrogate_in_a_key_is_no_column(wanted):
  table = _json('{"\\ud800": 1, "a": "x"}', '{"a": "y"}', wanted=wanted)
  assert table.frame["a"].to_list() == ["x", "y"]


@pytest.mark.parametrize(
  "lines",
  [("hello\n", "there\n"), ('[{"a": 1},\n', '{"a": \n'), ("[]",), ("3",)],
)
def test_no_object_at_all_is_one_line_with_the_first(lines):
  with pytest.raises(ValueError, match=r"No line of t\.json is a JSON") as e:
    _json(*lines)
  assert f"line 1: {lines[0].strip()!r}" in str(e.value)
