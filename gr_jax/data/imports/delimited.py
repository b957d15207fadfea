"""Delimited text as a table, as it is found: CSV, TSV, `::`, without a header.

Any delimiter, stray quotes, rows of a wrong length: what cannot be read costs
one row.
"""

import contextlib
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gr_jax.data.imports.checked_table import CheckedTable, RowCollector
from gr_jax.data.imports.decode import ascii_shown

DELIMITERS = (",", ";", "\t", "|", "::")

# The first line that Excel writes and reads for itself.
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
# Lines whose fields are counted to find the delimiter without a header.
_SAMPLE = 50
_LIMIT = 131_072
# First word of the csv module's message -> its meaning.
_ERRORS = {
  "unexpected": "a quote is not closed",
  "field": "a quote is not closed",
  "new-line": "a carriage return inside the row",
} | {f"'{m}'".split()[0]: "text after a closing quote" for m in DELIMITERS}

_Record = tuple[int, int, list[str], str]
"""The first line, the line after the last, the fields, a fault or ""."""


def read_csv(
  lines: list[str],
  bad: Mapping[int, str],
  *,
  wanted: set[str] | None,
  file: str,
  header: Sequence[str] = (),
  delimiter: str = "",
) -> CheckedTable:
  """Reads the wanted columns of delimited text.

  The first line that is not blank is the header, unless one is given; its names
  are then those of the first columns. (A first line that has one of these names
  is a header all the same.) Columns of one name are `name#1` and `name#2`.

  A quote may enclose a field. In a file with tabs, as MIND's news, where that
  makes more rows malformed than it saves, quotes are letters as any other; so
  they are beside a delimiter of several characters.

  Args:
    lines: The decoded lines with their ends.
    bad: For the index of each line that cannot be used, the reason.
    wanted: The names of the columns to read where they exist; None for all.
    file: The name of the file in messages.
    header: The names of the first columns, where the file has no header.
    delimiter: What stands between fields, "" to find it in the file.

  Raises:
    ValueError: the header cannot be read, or is longer than the rows.
  """
  first = next(i for i, line in enumerate(lines) if line.strip())
  if excel := _EXCEL.fullmatch(lines[first].strip()):
    delimiter = delimiter or excel[1]
    first = next(
      (i for i in range(first + 1, len(lines)) if lines[i].strip()), first
    )
  delimiter = delimiter or _delimiter(lines[first:], bool(header))
  names = _fields(lines[first], delimiter, file)
  width, notes = len(names), []
  if not set(header).isdisjoint(name.strip() for name in names):
    header = ()
    notes = [f"{file} has a header of its own, which is read."]
  if header and len(header) > width:
    raise ValueError(
      f"{file} has {width} columns between {delimiter!r}, and the header names "
      f"{len(header)}: {', '.join(header)}. Its line {first + 1} is "
      f"{ascii_shown(lines[first])}."
    )
  names, twice = _distinct(list(header) or [name.strip() for name in names])
  if twice:
    notes.append(
      f"{file} has two columns named {', '.join(map(repr, twice))}; --columns "
      f"says which: {twice[0]}#1 or {twice[0]}#2."
    )
  columns = [name for name in names if wanted is None or name in wanted]
  begin = first if header else first + 1

  def collect(records: Iterator[_Record]) -> tuple[CheckedTable, int, bool]:
    places = [names.index(name) for name in columns]
    rows, malformed, long = RowCollector(file, columns), 0, False
    for i, end, fields, wrong in records:
      malformed += bool(wrong)
      long |= end > i + 1
      if bad:
        wrong = next((bad[k] for k in range(i, end) if k in bad), wrong)
      if wrong:
        rows.reject(i + 1, wrong, "".join(lines[i:end]))
      else:
        rows.keep(i + 1, [fields[place] for place in places])
    return rows.checked(names).note(*notes), malformed, long

  plain = _plain_records(lines, begin, delimiter, width)
  if len(delimiter) > 1:
    return collect(plain)[0]
  quoted = _quoted_records(lines, begin, delimiter, width)
  table, malformed, long = collect(quoted)
  if delimiter != "\t" or not (malformed or long):
    return table
  raw, raw_malformed, _ = collect(plain)
  if raw_malformed > malformed or (raw_malformed == malformed and malformed):
    return table
  note = (
    f"{file}: quotes are taken as they stand; as marks around a field they "
    f"would make {malformed:,} rows malformed."
  )
  return raw.note(note)


def _distinct(names: list[str]) -> tuple[list[str], list[str]]:
  """Numbers the names that come twice; returns (distinct names, those)."""
  counts = Counter(names)
  twice = [name for name, n in counts.items() if n > 1]
  seen = Counter()
  found = []
  for name in names:
    seen[name] += 1
    found.append(f"{name}#{seen[name]}" if name in twice else name)
  return found, twice


def _delimiter(lines: list[str], headless: bool) -> str:
  """The mark that most often stands in the header, or in every line."""
  if not headless:
    return max(DELIMITERS, key=lambda mark: _count(lines[0], mark))
  sample = [x for x in itertools.islice(lines, _SAMPLE) if x.strip()]
  return max(
    DELIMITERS, key=lambda mark: min(_count(line, mark) for line in sample)
  )


def _count(line: str, mark: str) -> int:
  """Counts a mark outside double quotes."""
  return sum(part.count(mark) for part in line.split('"')[::2])


def _fields(line: str, delimiter: str, file: str) -> list[str]:
  if len(delimiter) > 1:
    return line.rstrip("\r\n").split(delimiter)
  try:
    with _limit([line]):
      return next(csv.reader([line], delimiter=delimiter))
  except csv.Error as error:
    reason = _ERRORS.get(str(error).split()[0], str(error))
    raise ValueError(
      f"{file}: its first line cannot be read ({reason}): {ascii_shown(line)}."
    ) from error


def _plain_records(
  lines: list[str], begin: int, delimiter: str, width: int
) -> Iterator[_Record]:
  """Splits each line; quotes are letters."""
  for i in range(begin, len(lines)):
    line = lines[i].rstrip("\r\n")
    if line:
      fields = line.split(delimiter)
      yield i, i + 1, fields, _wrong_length(fields, width)


def _wrong_length(fields: list[str], width: int) -> str:
  if len(fields) == width:
    return ""
  return f"malformed row: not the {width} fields of the header"


def _quoted_records(
  lines: list[str], begin: int, delimiter: str, width: int
) -> Iterator[_Record]:
  """Reads records that may have quoted fields of several lines.

  A quote that is not closed swallows the lines after it, so a bad record of
  several lines costs only its first: reading starts again at its second.
  """
  position = begin

  def feed():
    nonlocal position
    while position < len(lines):
      position += 1
      yield lines[position - 1]

  with _limit(lines):
    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while position < len(lines):
      start, fields, wrong = position, [], ""
      try:
        fields = next(reader)
      except csv.Error as error:
        wrong = f"malformed row: {_ERRORS.get(str(error).split()[0], error)}"
      if not fields and not wrong:
        continue  # A blank line.
      wrong = wrong or _wrong_length(fields, width)
      if wrong and position > start + 1:
        position = start + 1
        reader = csv.reader(feed(), delimiter=delimiter, strict=True)
      yield start, position, fields, wrong


@contextlib.contextmanager
def _limit(lines: list[str]) -> Iterator[None]:
  """Lets a field be as long as the longest line, where that is long.

  The limit of the csv module also ends a quote that is never closed.
  """
  before = csv.field_size_limit(max(_LIMIT, max(map(len, lines))))
  try:
    yield
  finally:
    csv.field_size_limit(before)
