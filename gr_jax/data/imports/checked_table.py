"""Rows of a file as text: those that passed the checks, and rejected ones."""

import dataclasses
from collections.abc import Iterable

import polars as pl

from gr_jax.data.imports.words import as_text, compact_types

BAD_ENCODING = "bad encoding: not UTF-8 (see --encoding)"
LIST_SEPARATOR = "\x1f"
"""Stands between the values of a list in a cell."""

_CHUNK = 65536

SCHEMA = {
  "file": pl.String,
  "row": pl.Int64,
  "reason": pl.String,
  "content": pl.String,
}


def reject_rows(file: str, rows: list[tuple[int, str, str]]) -> pl.DataFrame:
  """Makes the table `SCHEMA` of rejected rows (row, reason, content)."""
  return pl.DataFrame(
    [(file, *row) for row in rows], schema=SCHEMA, orient="row"
  )


@dataclasses.dataclass(frozen=True)
class CheckedTable:
  """The rows that passed the checks so far, and a list of the others.

  Attributes:
    file: The name of the file in messages.
    frame: The rows still good: the columns in use as stripped text (null where
      empty), and `row`: the line in a CSV or JSONL file (a CSV header is line
      1), the row of a Parquet file (the first is row 1).
    rejects: The rows listed so far, with the columns of `SCHEMA`.
    rows_read: The number of rows of the file before any check.
    columns: The names of all columns of the file.
    notes: What was assumed in reading it, a line each.
    parts: Where the table is made of several files, the name of each and the
      number of rows before it: `row` counts on from file to file.
    ragged: True where rows need not have all columns, as in JSON Lines.
  """

  file: str
  frame: pl.DataFrame
  rejects: pl.DataFrame
  rows_read: int
  columns: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()
  parts: tuple[tuple[str, int], ...] = ()
  ragged: bool = False

  def drop(self, where: pl.Expr, reason: str) -> "CheckedTable":
    """Lists the rows where `where` is true and goes on without them."""
    bad = self.frame.select(bad=where.fill_null(False))["bad"]
    if not bad.any():
      return self  # A copy of a long table costs as much as the table.
    listed = self.list(pl.lit(bad), reason)
    return dataclasses.replace(listed, frame=self.frame.filter(~bad))

  def list(self, where: pl.Expr, reason: str) -> "CheckedTable":
    """Lists the rows where `where` is true but keeps them."""
    bad = as_text(self.frame.filter(where))
    if not bad.height:
      return self
    # Text columns are the file's own; numbers are derived from them.
    content = pl.struct(pl.col(pl.String)).struct.json_encode()
    listed = bad.select(
      *self._places(),
      pl.lit(reason).alias("reason"),
      content.alias("content"),
    )
    return dataclasses.replace(self, rejects=pl.concat([self.rejects, listed]))

  def note(self, *lines: str) -> "CheckedTable":
    """Returns the same rows with more notes, each said once, none empty."""
    notes = tuple(dict.fromkeys((*self.notes, *filter(None, lines))))
    return dataclasses.replace(self, notes=notes)

  def _places(self) -> tuple[pl.Expr, pl.Expr]:
    """The file of each row, and its row there."""
    row = pl.col("row").cast(pl.Int64)
    file, before = pl.lit(self.file), pl.lit(0)
    for name, begin in self.parts:
      file = pl.when(row > begin).then(pl.lit(name)).otherwise(file)
      before = pl.when(row > begin).then(begin).otherwise(before)
    return file.alias("file"), (row - before).alias("row")

  def derive(self, *columns: pl.Expr | pl.Series) -> "CheckedTable":
    """Returns the same rows with computed columns."""
    return dataclasses.replace(self, frame=self.frame.with_columns(*columns))

  def select(self, *columns: str) -> "CheckedTable":
    """Returns the same rows with only these columns."""
    return dataclasses.replace(self, frame=self.frame.select(columns))


class RowCollector:
  """Takes rows one by one or in frames; keeps them in columns.

  A column of a long table is kept as numbers of its distinct words where that
  is smaller, see `words.py`.
  """

  def __init__(self, file: str, columns: list[str]):
    self._file, self._columns = file, columns
    self._frames, self._chunk, self._rejected = [], [], []
    self._types: dict = {}
    self._height, self._review = 0, 0

  def keep(self, row: int, fields: list[str | None]) -> None:
    """Adds a good row, its fields in the order of the columns."""
    self._chunk.append((row, *fields))
    if len(self._chunk) == _CHUNK:
      self._flush()

  def keep_frame(self, row: int, fields: pl.DataFrame) -> None:
    """Adds good rows that follow one another, the first of this number."""
    self._flush()
    rows = pl.int_range(row, row + fields.height, dtype=pl.Int64, eager=True)
    fields = fields.rename(dict(zip(fields.columns, self._columns)))
    self._keep(fields.insert_column(0, rows.alias("row")))

  def reject(self, row: int, reason: str, content: str) -> None:
    """Lists a row that cannot be read."""
    self._rejected.append((row, reason, content.rstrip("\r\n")))

  def checked(self, columns: Iterable[str]) -> CheckedTable:
    """Returns all rows of a file with these columns, their text stripped."""
    self._flush()
    frame = pl.concat(self._frames) if self._frames else self._frame([])
    return CheckedTable(
      file=self._file,
      frame=frame,
      rejects=reject_rows(self._file, self._rejected),
      rows_read=frame.height + len(self._rejected),
      columns=tuple(columns),
    )

  def _frame(self, rows: list[tuple]) -> pl.DataFrame:
    schema = {"row": pl.Int64} | dict.fromkeys(self._columns, pl.String)
    columns = list(zip(*rows)) or [()] * len(schema)
    return pl.DataFrame(dict(zip(schema, columns)), schema=schema)

  def _flush(self) -> None:
    if self._chunk:
      self._keep(self._frame(self._chunk))
    self._chunk = []

  def _keep(self, frame: pl.DataFrame) -> None:
    frame = strip_text(frame)
    self._frames.append(frame.cast(self._types))
    self._height += frame.height
    if self._height < self._review:
      return
    # Words come again later, or not: what is smaller shows with the rows.
    self._review = 4 * self._height
    types = compact_types(pl.concat(self._frames))
    self._types |= types
    self._frames = [earlier.cast(types) for earlier in self._frames]


def strip_text(frame: pl.DataFrame) -> pl.DataFrame:
  """Strips white space from the text columns; empty text becomes null."""
  return frame.with_columns(
    pl.col(pl.String).str.strip_chars().replace("", None)
  )
