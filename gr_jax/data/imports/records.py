"""Records of delimited text: a line each, or quoted fields of several lines."""

import contextlib
import csv
from collections.abc import Iterator
from typing import Protocol

_LIMIT = 131_072
# First word of the csv module's message -> its meaning; the rest name the mark
# that was expected after a quote.
_ERRORS = {
  "unexpected": "a quote is not closed",
  "field": "a quote is not closed",
  "new-line": "a carriage return inside the row",
}


class Indexed(Protocol):
  """Lines with their ends; IndexError past the last."""

  def __getitem__(self, i: int, /) -> str: ...


Record = tuple[int, int, list[str], str]
"""The first line, the line after the last, the fields, a fault or ""."""


def first_fields(line: str, delimiter: str) -> list[str]:
  """Reads the fields of one line.

  Raises:
    csv.Error: it cannot be read.
  """
  if len(delimiter) > 1:
    return line.rstrip("\r\n").split(delimiter)
  with _limit(len(line)):
    return next(csv.reader([line], delimiter=delimiter))


def meaning(error: csv.Error) -> str:
  """Says in words what the csv module found."""
  first = str(error).split()[0]
  if first.startswith("'"):
    return "text after a closing quote"
  return _ERRORS.get(first, str(error))


def plain_records(
  lines: Indexed, begin: int, end: int, delimiter: str, width: int
) -> Iterator[Record]:
  """Splits each line from `begin` to `end`; quotes are letters."""
  for i in range(begin, end):
    line = lines[i].rstrip("\r\n")
    if line:
      fields = line.split(delimiter)
      yield i, i + 1, fields, _wrong_length(fields, width)


def _wrong_length(fields: list[str], width: int) -> str:
  if len(fields) == width:
    return ""
  return f"malformed row: not the {width} fields of the header"


def quoted_records(
  lines: Indexed,
  begin: int,
  end: int,
  delimiter: str,
  width: int,
  *,
  longest: int,
  escape: str | None = None,
) -> Iterator[Record]:
  """Reads records that may have quoted fields of several lines.

  A quote that is not closed swallows the lines after it, so a bad record of
  several lines costs only its first: reading starts again at its second.

  Args:
    lines: The lines with their ends.
    begin: The first line to read.
    end: The line before which the last record begins; it may reach further.
    delimiter: One character between fields.
    width: The number of fields of a good record.
    longest: The number of characters of the longest line of the file.
    escape: The letter before a quote that encloses nothing, None for a quote.
  """
  position = begin

  def feed():
    nonlocal position
    while True:
      try:
        line = lines[position]
      except IndexError:
        return
      position += 1
      yield line

  def read():
    return csv.reader(
      feed(), delimiter=delimiter, strict=True, escapechar=escape
    )

  with _limit(longest):
    reader = read()
    while position < end:
      start, fields, wrong = position, [], ""
      try:
        fields = next(reader)
      except csv.Error as error:
        wrong = f"malformed row: {meaning(error)}"
      if not fields and not wrong:
        continue  # A blank line.
      wrong = wrong or _wrong_length(fields, width)
      if wrong and position > start + 1:
        position = start + 1
        reader = read()
      yield start, position, fields, wrong


@contextlib.contextmanager
def _limit(longest: int) -> Iterator[None]:
  """Lets a field be as long as the longest line, where that is long.

  The limit of the csv module also ends a quote that is never closed.
  """
  before = csv.field_size_limit(max(_LIMIT, longest))
  try:
    yield
  finally:
    csv.field_size_limit(before)
