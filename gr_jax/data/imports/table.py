"""Rows of a file as text, and a collector that builds them line by line."""

import dataclasses

import polars as pl

from gr_jax.data.imports.rejects import CheckedTable, reject_rows

BAD_ENCODING = "bad encoding: not UTF-8"

_CHUNK = 65536


@dataclasses.dataclass(frozen=True)
class Table:
  """What a file holds.

  Attributes:
    columns: names of all the columns of the file.
    checked: the wanted columns as stripped text (null where empty) and `row`:
      the line in a CSV or JSONL file (a CSV header is line 1), the row of a
      Parquet file (the first is row 1). Malformed rows are in its rejects.
  """

  columns: tuple[str, ...]
  checked: CheckedTable


class RowCollector:
  """Takes rows one by one; keeps them in columns, a frame per chunk."""

  def __init__(self, file: str, columns: list[str]):
    self._file, self._columns = file, columns
    self._frames, self._chunk, self._rejected = [], [], []

  def keep(self, row: int, fields: list[str | None]) -> None:
    """Adds a good row, its fields in the order of the columns."""
    self._chunk.append((row, *fields))
    if len(self._chunk) == _CHUNK:
      self._flush()

  def reject(self, row: int, reason: str, content: str) -> None:
    """Lists a row that cannot be read."""
    self._rejected.append((row, reason, content.rstrip("\r\n")))

  def checked(self) -> CheckedTable:
    """All rows so far, the text stripped."""
    self._flush()
    frame = pl.concat(self._frames)
    rows, reasons, contents = (
      [entry[part] for entry in self._rejected] for part in range(3)
    )
    return CheckedTable(
      file=self._file,
      frame=strip_text(frame),
      rejects=reject_rows(self._file, rows, reasons, contents),
      rows_read=frame.height + len(rows),
    )

  def _flush(self) -> None:
    schema = {"row": pl.Int64} | dict.fromkeys(self._columns, pl.String)
    columns = list(zip(*self._chunk)) or [()] * len(schema)
    self._frames.append(pl.DataFrame(dict(zip(schema, columns)), schema=schema))
    self._chunk = []


def strip_text(frame: pl.DataFrame) -> pl.DataFrame:
  """Strips white space from the text columns; empty text becomes null."""
  names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
  return frame.with_columns(pl.col(names).str.strip_chars()).with_columns(
    pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names
  )
