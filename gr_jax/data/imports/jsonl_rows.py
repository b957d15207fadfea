"""JSON Lines: one object a line, keys may differ from line to line."""

import dataclasses
import json
from typing import Any

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.table import BAD_ENCODING, RowCollector, Table


def read_jsonl(
  lines: list[str], not_utf8: set[int], *, wanted: set[str], file: str
) -> Table:
  """Reads the wanted keys of every object as text.

  Lists become category paths "a > b"; of a list of lists the first is taken.

  Args:
    lines: decoded lines with their ends.
    not_utf8: indices of the lines that could not be decoded as they are.

  Raises:
    ValueError: the file is one JSON array.
  """
  if next(line for line in lines if line.strip()).lstrip().startswith("["):
    raise ValueError(f"{file} is one JSON array; write one object a line.")
  columns = sorted(wanted)
  seen, rows = {}, RowCollector(file, columns)
  for i, line in enumerate(lines):
    if not line.strip():
      continue
    if i in not_utf8:
      rows.reject(i + 1, BAD_ENCODING, line)
      continue
    record, wrong = _parse(line)
    fields = [_as_text(record.get(name)) for name in columns]
    if "\\u" in line and not _encodable(fields):
      wrong = BAD_ENCODING
    if wrong:
      rows.reject(i + 1, wrong, line)
    else:
      seen |= dict.fromkeys(record)
      rows.keep(i + 1, fields)
  checked = rows.checked()
  present = [name for name in columns if name in seen]
  frame = checked.frame.select("row", *present)
  return Table(
    columns=tuple(seen), checked=dataclasses.replace(checked, frame=frame)
  )


def _parse(line: str) -> tuple[dict[str, Any], str]:
  """(object, what is wrong or "")."""
  try:
    record = json.loads(line)
  except (json.JSONDecodeError, RecursionError):
    return {}, "malformed row: not JSON"
  if not isinstance(record, dict):
    return {}, "malformed row: not a JSON object"
  return record, ""


def _encodable(fields: list[str | None]) -> bool:
  """False if an escape stands for half a surrogate pair."""
  try:
    "".join(filter(None, fields)).encode()
  except UnicodeEncodeError:
    return False
  return True


def _as_text(value: Any) -> str | None:
  """A JSON value as a CSV file would hold it."""
  if value is None or isinstance(value, str):
    return value
  if isinstance(value, float) and value.is_integer():
    return str(int(value))  # Ids that passed through a float column.
  if isinstance(value, list):
    if value and isinstance(value[0], list):
      return _as_text(value[0])
    return PATH_SEPARATOR.join(filter(None, map(_as_text, value)))
  if isinstance(value, dict | bool):
    return json.dumps(value)
  return str(value)
