"""CSV as it is found: any delimiter, stray quotes, rows of a wrong length."""

import csv
from collections.abc import Iterator

from gr_jax.data.imports.table import BAD_ENCODING, RowCollector, Table

DELIMITERS = ",;\t|"

# First word of what the csv module says -> what it means.
_ERRORS = {
  "unexpected": "a quote is not closed",
  "field": "a quote is not closed",
  "new-line": "a carriage return inside the row",
} | {f"'{m}'".split()[0]: "text after a closing quote" for m in DELIMITERS}


def read_csv(
  lines: list[str], not_utf8: set[int], *, wanted: set[str], file: str
) -> Table:
  """Reads the wanted columns; the first line that is not blank is the header.

  Args:
    lines: decoded lines with their ends.
    not_utf8: indices of the lines that could not be decoded as they are.

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
  return Table(columns=tuple(header), checked=rows.checked())


def _count(line: str, mark: str) -> int:
  """Occurrences of a mark outside double quotes."""
  return sum(part.count(mark) for part in line.split('"')[::2])


def _records(
  lines: list[str], begin: int, delimiter: str, width: int
) -> Iterator[tuple[int, int, list[str], str]]:
  """Yields (first line, line after the last, fields, what is wrong or "").

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
