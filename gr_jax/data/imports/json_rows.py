"""JSON as a table, in the forms that people have.

JSON Lines, whose keys may differ from line to line; an array or pretty-printed
objects; one object whose keys are ids, as MiniOneRec and LETTER write theirs;
lines of Python literals, as in Amazon's data of 2014. Values of any type become
the text that a CSV file would have.
"""

import ast
import dataclasses
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gr_jax.data.imports.checked_table import (
  BAD_ENCODING,
  LIST_SEPARATOR,
  CheckedTable,
  RowCollector,
)
from gr_jax.data.imports.decode import ascii_shown

_WRONG = (ValueError, RecursionError, MemoryError, TypeError)
# A literal past this would be read for minutes, or end the interpreter.
_LONGEST_LITERAL = 1_000_000
_DECODER = json.JSONDecoder()

_Row = tuple[int, dict[str, Any], str, str]
"""The row, its object, a fault or "", and its line ("" in a document)."""


def read_json(
  lines: list[str],
  bad: Mapping[int, str],
  *,
  wanted: set[str] | None,
  file: str,
) -> CheckedTable:
  """Reads the wanted keys of every object as text.

  The values of a list stand between `LIST_SEPARATOR`; of a list of lists the
  first is taken. Of one object `{id: {...}}` the ids are the column `item_id`,
  unless its objects have one, and also the column `key`; of one object
  `{id: [item, item, ...]}`, the sequences of users, the columns are `user_id`
  and `item_id`. A row is a line, or the n-th object of a file that is not JSON
  Lines.

  Args:
    lines: The decoded lines with their ends.
    bad: For the index of each line that cannot be used, the reason.
    wanted: The names of the keys to read where they exist; None for all.
    file: The name of the file in messages.

  Raises:
    ValueError: no line is a JSON object, and all of it is none.
  """
  filled = [i for i, line in enumerate(lines) if line.strip()]
  rows, note, problem = _found(lines, filled, bad, wanted or set())
  if wanted is None:
    rows = list(rows)
    keys = {str(key) for _, record, _, _ in rows for key in record}
    wanted = {key for key in keys if _is_unicode(key)}
  columns = sorted(wanted)
  seen, collector, objects = {}, RowCollector(file, columns), 0
  for row, record, wrong, content in rows:
    objects += bool(record)
    try:
      fields = [_as_text(record.get(name)) for name in columns]
      escaped = not content or "\\u" in content or "\\U" in content
      if escaped and not _is_unicode("".join(filter(None, fields))):
        wrong = wrong or BAD_ENCODING
    except _WRONG:
      wrong = "malformed row: not JSON"
    if wrong:
      collector.reject(row, wrong, content or json.dumps(record))
    else:
      seen |= dict.fromkeys(map(str, record))
      collector.keep(row, fields)
  if not objects:
    raise ValueError(
      f"No line of {file} is a JSON object (line {filled[0] + 1}: "
      f"{ascii_shown(lines[filled[0]])}), and all of it is no JSON: "
      f"{problem or 'see the lines'}."
    )
  present = [name for name in columns if name in seen]
  table = collector.checked(seen).select("row", *present)
  table = table.note(f"{file} is {note}." if note else "")
  return dataclasses.replace(table, ragged=True)


def _found(
  lines: list[str],
  filled: list[int],
  bad: Mapping[int, str],
  wanted: set[str],
) -> tuple[Iterable[_Row], str, str]:
  """Finds the rows: (rows, what the document is, why it is none)."""
  problem = ""
  if len(filled) == 1 or not _parse(lines[filled[0]])[0]:
    try:
      values, note = _objects(_values("".join(lines)), wanted)
      return _numbered(values), note, ""
    except _WRONG as error:
      problem = " ".join(str(error).split()) or type(error).__name__
  return _lines(lines, filled, bad), "", problem


def _is_unicode(text: str) -> bool:
  """False where there is half of a surrogate pair."""
  try:
    text.encode()
  except UnicodeEncodeError:
    return False
  return True


def _lines(
  lines: list[str], filled: list[int], bad: Mapping[int, str]
) -> Iterator[_Row]:
  with warnings.catch_warnings():
    # Of escapes that a Python literal should not have.
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    for i in filled:
      record, wrong = _parse(lines[i])
      yield i + 1, record, bad.get(i, wrong), lines[i]


def _parse(line: str) -> tuple[dict[str, Any], str]:
  """Returns (object, fault or "")."""
  try:
    record = json.loads(line)
  except (ValueError, RecursionError):
    record = _literal(line)
    if record is None:
      return {}, "malformed row: not JSON"
  if not isinstance(record, dict):
    return {}, "malformed row: not a JSON object"
  return record, ""


def _literal(line: str) -> Any:
  """Reads a dictionary as Python prints it; None where it is none."""
  text = line.strip()
  if not (text.startswith("{") and text.endswith("}")):
    return None
  if "'" not in text or len(text) > _LONGEST_LITERAL:
    return None
  try:
    return ast.literal_eval(text)
  except (*_WRONG, SyntaxError):
    return None


def _values(text: str) -> list[Any]:
  """Reads JSON values that stand after one another."""
  values, place = [], 0
  while place < len(text):
    if text[place].isspace():
      place += 1
      continue
    value, place = _DECODER.raw_decode(text, place)
    values.append(value)
  return values


def _objects(values: list[Any], wanted: set[str]) -> tuple[Iterable, str]:
  """Finds the rows of a document, and says what it is.

  Raises:
    ValueError: it is none of the forms.
  """
  only = values[0]
  if len(values) > 1:
    return values, "objects after one another, a row each"
  if isinstance(only, list):
    return only, "one JSON array, a row for each object"
  if not isinstance(only, dict):
    raise ValueError("one value that is neither an object nor an array")
  if wanted & only.keys() or not only:
    return values, ""
  inner = list(only.values())
  if all(isinstance(value, dict) for value in inner):
    rows = [{"key": key, "item_id": key} | value for key, value in only.items()]
    return rows, "one object of objects; its keys are item_id (and key)"
  if all(_is_sequence(value) for value in inner):
    rows = [
      {"user_id": key, "item_id": item}
      for key, value in only.items()
      for item in value
    ]
    return rows, "one object of sequences; its keys are user_id"
  tables = [name for name, value in only.items() if _is_table(value)]
  if len(tables) == 1:
    return only[tables[0]], f"one object, and its list {tables[0]!r} is read"
  return values, ""


def _is_sequence(value: Any) -> bool:
  return isinstance(value, list) and all(
    isinstance(item, str | int) for item in value
  )


def _is_table(value: Any) -> bool:
  return (
    isinstance(value, list)
    and bool(value)
    and all(isinstance(item, dict) for item in value)
  )


def _numbered(values: Iterable) -> Iterator[_Row]:
  for row, value in enumerate(values, 1):
    if isinstance(value, dict):
      yield row, value, "", ""
    else:
      yield row, {}, "malformed row: not a JSON object", json.dumps(value)


def _as_text(value: Any) -> str | None:
  """Writes a JSON value as a CSV file would have it."""
  if value is None or isinstance(value, str):
    return value
  if isinstance(value, float) and value.is_integer():
    return str(int(value))  # Ids that passed through a float column.
  if isinstance(value, list) and not any(isinstance(v, dict) for v in value):
    if value and isinstance(value[0], list):
      return _as_text(value[0])
    return LIST_SEPARATOR.join(filter(None, map(_as_text, value)))
  if isinstance(value, list | dict | bool):
    return json.dumps(value, default=str, skipkeys=True)
  return str(value)
