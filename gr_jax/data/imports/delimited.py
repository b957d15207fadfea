"""Delimited text as a table, as it is found: CSV, TSV, `::`, without a header.

Any delimiter, stray quotes, rows of a wrong length: what cannot be read costs
one row.
"""

import csv
import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gr_jax.data.imports.checked_table import CheckedTable, RowCollector
from gr_jax.data.imports.decode import Text, ascii_shown
from gr_jax.data.imports.lines import Lines
from gr_jax.data.imports.plain_fields import plain_fields
from gr_jax.data.imports.records import (
  Record,
  first_fields,
  meaning,
  plain_records,
  quoted_records,
)

DELIMITERS = (",", ";", "\t", "|", "::", "\x01")
"""What is looked for between fields; Hive writes the last."""

# The first line that Excel writes and reads for itself.
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
# Lines whose fields are counted to find the delimiter without a header.
_SAMPLE = 50


_Records = Callable[[Lines, int, int], Iterator[Record]]
"""The records of some lines that begin from a line on and before another."""


@dataclasses.dataclass(frozen=True)
class _Form:
  """How a file is written.

  Attributes:
    delimiter: What stands between fields.
    names: The names of the columns, distinct.
    width: The number of fields of a row.
    begin: The first line after the header.
    notes: What was assumed.
  """

  delimiter: str
  names: list[str]
  width: int
  begin: int
  notes: list[str]


def read_csv(
  text: Text,
  *,
  wanted: set[str] | None,
  file: str,
  header: Sequence[str] = (),
  delimiter: str = "",
) -> CheckedTable:
  """Reads the wanted columns of delimited text.

  The first line that is not blank is the header, unless one is given; its names
  are then those of the first columns. (A first line that has half of these
  names is a header all the same.) Columns of one name are `name#1` and
  `name#2`.

  A quote may enclose a field. In a file with tabs, as MIND's news, where that
  makes more rows malformed than it saves, quotes are letters as any other; so
  they are beside a delimiter of several characters. Elsewhere a backslash makes
  a quote a letter, as Spark and MySQL write it, where that saves rows.

  Args:
    text: The text, read in blocks: what is kept are the wanted columns.
    wanted: The names of the columns to read where they exist; None for all.
    file: The name of the file in messages.
    header: The names of the first columns, where the file has no header.
    delimiter: What stands between fields, "" to find it in the file.

  Raises:
    ValueError: the header cannot be read, or is longer than the rows.
  """
  form = _form(Lines(text), header, delimiter, file)
  columns = [x for x in form.names if wanted is None or x in wanted]
  places = [form.names.index(name) for name in columns]

  def collect(records: _Records, marks: str) -> tuple[CheckedTable, int, bool]:
    rows, malformed, long = RowCollector(file, columns), 0, False
    lines, begin = Lines(text), form.begin
    while (block := lines.block(begin))[0]:
      raw, end = block
      plain = plain_fields(
        raw,
        delimiter=form.delimiter,
        width=form.width,
        places=places,
        marks=marks,
      )
      if plain is not None and not text.may_be_bad(raw):
        rows.keep_frame(begin + 1, plain)
        begin = end
        lines.forget(begin)
        continue
      last = end
      for i, last, fields, wrong in records(lines, begin, end):
        malformed += bool(wrong)
        long |= last > i + 1
        if lines.bad:
          bad = (lines.bad[k] for k in range(i, last) if k in lines.bad)
          wrong = next(bad, wrong)
        if wrong:
          rows.reject(i + 1, wrong, "".join(lines.between(i, last)))
        else:
          rows.keep(i + 1, [fields[place] for place in places])
      begin = max(end, last)
      lines.forget(begin)
    return rows.checked(form.names).note(*form.notes), malformed, long

  layout = (form.delimiter, form.width)

  def plain(lines: Lines, begin: int, end: int) -> Iterator[Record]:
    return plain_records(lines, begin, end, *layout)

  def quoted(lines: Lines, begin: int, end: int, escape=None):
    return quoted_records(
      lines, begin, end, *layout, longest=text.longest, escape=escape
    )

  if len(form.delimiter) > 1:
    return collect(plain, "")[0]
  table, malformed, long = collect(quoted, '"')
  if form.delimiter == "\t" and (malformed or long):
    other, still, _ = collect(plain, "")
    taken = "quotes are taken as they stand; as marks around a field they"
  elif malformed and any(b'\\"' in block for block in text.blocks()):
    escaped = functools.partial(quoted, escape="\\")
    other, still, _ = collect(escaped, '"\\')
    taken = "a backslash before a quote makes it a letter; two quotes"
  else:
    return table
  if still > malformed or still == malformed > 0:
    return table
  return other.note(f"{file}: {taken} would make {malformed:,} rows malformed.")


def _form(
  lines: Lines, header: Sequence[str], delimiter: str, file: str
) -> _Form:
  filled = (i for i, line in enumerate(lines) if line.strip())
  first = next(filled)
  if excel := _EXCEL.fullmatch(lines[first].strip()):
    delimiter = delimiter or excel[1]
    first = next(filled, first)
  sample = lines.between(first, first + _SAMPLE)
  delimiter = delimiter or _delimiter(sample, bool(header))
  try:
    fields = first_fields(lines[first], delimiter)
  except csv.Error as error:
    raise ValueError(
      f"{file}: its first line cannot be read ({meaning(error)}): "
      f"{ascii_shown(lines[first])}."
    ) from error
  names, notes = [name.strip() for name in fields], []
  # A row may have one of many names as a value, such as the title "Abstract".
  headless = 2 * len(set(header) & set(names)) < len(header)
  if header and not headless:
    notes.append(f"{file} has a header of its own, which is read.")
  width = len(names)
  if headless:
    width = _most_common(sample, delimiter)[1] + 1
  if headless and len(header) > width:
    raise ValueError(
      f"{file} has {width} columns between {delimiter!r}, and the header "
      f"names {len(header)}: {', '.join(header)}. Its line {first + 1} is "
      f"{ascii_shown(lines[first])}."
    )
  names, twice = _distinct(list(header) if headless else names)
  if twice:
    notes.append(
      f"{file} has two columns named {', '.join(map(repr, twice))}; --columns "
      f"says which: {twice[0]}#1 or {twice[0]}#2."
    )
  begin = first if headless else first + 1
  return _Form(delimiter, names, width, begin, notes)


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
  """The mark that most often stands in the header, or in equal lines."""
  if not headless:
    return max(DELIMITERS, key=lambda mark: _count(lines[0], mark))
  return max(DELIMITERS, key=lambda mark: _most_common(lines, mark))


def _most_common(lines: list[str], mark: str) -> tuple[int, int]:
  """How many of the first lines have the most common number of a mark; it."""
  counts = Counter(_count(line, mark) for line in lines if line.strip())
  return max(
    ((n, count) for count, n in counts.items() if count), default=(0, 0)
  )


def _count(line: str, mark: str) -> int:
  """Counts a mark outside quoted fields; a quote inside of one is a letter."""
  m = re.escape(mark)
  quoted = rf'(^|{m}) *"(?:(?:[^"]|"")*" *(?={m}|$)|[^"]*$)'
  return re.sub(quoted, r"\1", line.rstrip("\r\n")).count(mark)
