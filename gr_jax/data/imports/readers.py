"""CSV, JSON Lines and Parquet as one kind of table, whose cells are text.

CSV is read as it is found: any delimiter, stray quotes, rows of a wrong length.
In JSON Lines keys may differ from line to line. JSON values and Parquet columns
of any type become the text that a CSV file would have.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.checked_table import (
  BAD_ENCODING,
  CheckedTable,
  RowCollector,
  reject_rows,
  strip_text,
)

DELIMITERS = ",;\t|"

# First word of the csv module's message -> its meaning.
_ERRORS = {
  "unexpected": "a quote is not closed",
  "field": "a quote is not closed",
  "new-line": "a carriage return inside the row",
} | {f"'{m}'".split()[0]: "text after a closing quote" for m in DELIMITERS}


def read_csv(
  lines: list[str], not_utf8: set[int], *, wanted: set[str], file: str
) -> CheckedTable:
  """Reads the wanted columns; the first line that is not blank is the header.

  Args:
    lines: The decoded lines with their ends.
    not_utf8: The indices of lines that could not be decoded as they are.
    wanted: The names of the columns to read where they exist.
    file: The name of the file in messages.

  Raises:
    ValueError: the header names a wanted column twice.
  """
  first = next(i for i, line in enumerate(lines) if line.strip())
  delimiter = max(DELIMITERS, key=lambda mark: _count(lines[first], mark))
  header = next(csv.reader([lines[first]], delimiter=delimiter))
  header = [name.strip() for name in header]
  columns = [name for name in dict.fromkeys(header) if name in wanted]
  for name in columns:
    if header.count(name) > 1:
      raise ValueError(f"{file} has two columns named {name!r}; rename one.")
  places = [header.index(name) for name in columns]
  rows = RowCollector(file, columns)
  records = _records(lines, first + 1, delimiter, len(header))
  for i, end, fields, wrong in records:
    if not_utf8 and not not_utf8.isdisjoint(range(i, end)):
      wrong = BAD_ENCODING
    if wrong:
      rows.reject(i + 1, wrong, "".join(lines[i:end]))
    else:
      rows.keep(i + 1, [fields[place] for place in places])
  return rows.checked(header)


def _count(line: str, mark: str) -> int:
  """Counts a mark outside double quotes."""
  return sum(part.count(mark) for part in line.split('"')[::2])


def _records(
  lines: list[str], begin: int, delimiter: str, width: int
) -> Iterator[tuple[int, int, list[str], str]]:
  """Yields (first line, line after the last, fields, fault or "").

  A quote that is not closed swallows the lines after it, so a bad record of
  several lines costs only its first: reading starts again at its second.
  """
  position = begin

  def feed():
    nonlocal position
    while position < len(lines):
      position += 1
      yield lines[position - 1]

  reader = csv.reader(feed(), delimiter=delimiter, strict=True)
  while position < len(lines):
    start, fields, wrong = position, [], ""
    try:
      fields = next(reader)
    except csv.Error as error:
      wrong = f"malformed row: {_ERRORS.get(str(error).split()[0], error)}"
    if not fields and not wrong:
      continue  # A blank line.
    if not wrong and len(fields) != width:
      wrong = f"malformed row: not the {width} fields of the header"
    if wrong and position > start + 1:
      position = start + 1
      reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    yield start, position, fields, wrong


def read_jsonl(
  lines: list[str], not_utf8: set[int], *, wanted: set[str], file: str
) -> CheckedTable:
  """Reads the wanted keys of every object as text.

  Lists become category paths "a > b"; of a list of lists the first is taken.
  The arguments are those of `read_csv`.

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
  present = [name for name in columns if name in seen]
  return rows.checked(seen).select("row", *present)


def _parse(line: str) -> tuple[dict[str, Any], str]:
  """Returns (object, fault or "")."""
  try:
    record = json.loads(line)
  except (json.JSONDecodeError, RecursionError):
    return {}, "malformed row: not JSON"
  if not isinstance(record, dict):
    return {}, "malformed row: not a JSON object"
  return record, ""


def _encodable(fields: list[str | None]) -> bool:
  """Returns False if an escape stands for half a surrogate pair."""
  try:
    "".join(filter(None, fields)).encode()
  except UnicodeEncodeError:
    return False
  return True


def _as_text(value: Any) -> str | None:
  """Writes a JSON value as a CSV file would have it."""
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


def read_parquet(path: Path, *, wanted: set[str], file: str) -> CheckedTable:
  """Reads the wanted columns as text.

  Lists become category paths "a > b"; of a list of lists the first is taken.

  Raises:
    ValueError: the file is not readable Parquet.
  """
  try:
    schema = pl.read_parquet_schema(path)
    columns = [name for name in schema if name in wanted]
    frame = pl.read_parquet(path, columns=columns, memory_map=False)
  except pl.exceptions.PolarsError as error:
    reason = str(error).splitlines()[0]
    raise ValueError(f"{path} is not readable Parquet: {reason}.") from error
  lost = pl.Series(BAD_ENCODING, [False] * frame.height)
  for name in columns:
    if schema[name] == pl.Binary:
      text = pl.Series(name, map(_decode, frame[name]), dtype=pl.String)
      lost |= text.is_null() & frame[name].is_not_null()
      frame = frame.with_columns(text)
  try:
    texts = frame.select(
      _text(name, frame.schema[name]).alias(name) for name in columns
    )
  except pl.exceptions.PolarsError as error:
    reason = str(error).splitlines()[0]
    raise ValueError(f"{path}: {reason}; write it as text.") from error
  row = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row")
  frame = texts.select(row, *columns, lost)
  checked = CheckedTable(
    file=file,
    frame=strip_text(frame),
    rejects=reject_rows(file, []),
    rows_read=frame.height,
    columns=tuple(schema),
  ).drop(pl.col(BAD_ENCODING), BAD_ENCODING)
  return checked.select("row", *columns)


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
  column = pl.col(name)
  if isinstance(dtype, pl.List):
    if isinstance(dtype.inner, pl.List):
      column = column.list.first()
    return column.cast(pl.List(pl.String)).list.join(PATH_SEPARATOR)
  if isinstance(dtype, pl.Datetime):
    if dtype.time_zone:
      column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    digits = 9 if dtype.time_unit == "ns" else 6
    return column.dt.to_string(f"%Y-%m-%d %H:%M:%S%.{digits}f")
  if dtype.is_float():
    # Ids that passed through a float column are whole numbers again.
    whole = column.cast(pl.Int64, strict=False)
    is_whole = (whole.cast(dtype) == column).fill_null(False)
    text = column.cast(pl.String)
    return pl.when(is_whole).then(whole.cast(pl.String)).otherwise(text)
  return column.cast(pl.String)


def _decode(value: bytes | None) -> str | None:
  try:
    return None if value is None else value.decode()
  except UnicodeDecodeError:
    return None
