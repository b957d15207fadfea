"""Parquet as a table whose cells are text."""

import io
from pathlib import Path

import polars as pl
from polars.datatypes import DataTypeClass

from gr_jax.data.imports.checked_table import (
  BAD_ENCODING,
  LIST_SEPARATOR,
  CheckedTable,
  reject_rows,
  strip_text,
)

# Polars panics on files that it did not expect; that is no Exception.
_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError,
           ValueError, OverflowError)  # fmt: skip
_TICKS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
# The years 1 to 9999 in days from 1970.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def read_parquet(
  source: Path | bytes, *, wanted: set[str] | None, file: str
) -> CheckedTable:
  """Reads the wanted columns as text.

  The values of a list stand between `LIST_SEPARATOR`; of a list of lists the
  first is taken.
  A date past the years 1 to 9999 is empty.

  Args:
    source: The file, or its bytes.
    wanted: The names of the columns to read where they exist; None for all.
    file: The name of the file in messages.

  Raises:
    ValueError: the file is not readable Parquet.
  """

  def opened():
    return io.BytesIO(source) if isinstance(source, bytes) else source

  try:
    schema = pl.read_parquet_schema(opened())
    columns = [name for name in schema if wanted is None or name in wanted]
    frame = pl.read_parquet(opened(), columns=columns, memory_map=False)
  except _ERRORS as error:
    raise ValueError(
      f"{file} is not readable Parquet: {_reason(error)}."
    ) from error
  lost = pl.Series(BAD_ENCODING, [False] * frame.height)
  for name in columns:
    if schema[name] == pl.Binary:
      text = pl.Series(name, map(_decode, frame[name]), dtype=pl.String)
      lost |= text.is_null() & frame[name].is_not_null()
      frame = frame.with_columns(text)
  texts = [_texts(frame[name], file) for name in columns]
  rows = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True)
  checked = CheckedTable(
    file=file,
    frame=strip_text(pl.DataFrame([rows.alias("row"), *texts, lost])),
    rejects=reject_rows(file, []),
    rows_read=frame.height,
    columns=tuple(schema),
  ).drop(pl.col(BAD_ENCODING), BAD_ENCODING)
  return checked.select("row", *columns)


def _reason(error: BaseException) -> str:
  lines = str(error).strip().splitlines()
  return lines[0].rstrip(".") if lines else type(error).__name__


def _texts(values: pl.Series, file: str) -> pl.Series:
  try:
    text = _text(pl.col(values.name), values.dtype)
    return values.to_frame().select(text.alias(values.name)).to_series()
  except _ERRORS as error:
    raise ValueError(
      f"{file}, column {values.name!r}: {_reason(error)}; write it as text."
    ) from error


def _text(column: pl.Expr, dtype: pl.DataType | DataTypeClass) -> pl.Expr:
  if isinstance(dtype, pl.Array):
    column, dtype = column.arr.to_list(), pl.List(dtype.inner)
  if isinstance(dtype, pl.List):
    return _path(column, dtype.inner)
  if isinstance(dtype, pl.Struct):
    return column.struct.json_encode()
  if isinstance(dtype, pl.Date):
    known = column.to_physical().is_between(_FIRST_DAY, _LAST_DAY)
    return pl.when(known).then(column).dt.to_string("%Y-%m-%d")
  if isinstance(dtype, pl.Datetime):
    digits = 9 if dtype.time_unit == "ns" else 6
    day = column.to_physical() // (_TICKS[dtype.time_unit] * 86_400)
    known = pl.when(day.is_between(_FIRST_DAY + 1, _LAST_DAY - 1)).then(column)
    if dtype.time_zone:
      known = known.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return known.dt.to_string(f"%Y-%m-%d %H:%M:%S%.{digits}f")
  if dtype.is_float():
    # Ids that passed through a float column are whole numbers again.
    whole = column.cast(pl.Int64, strict=False)
    is_whole = (whole.cast(dtype) == column).fill_null(False)
    text = column.cast(pl.String)
    return pl.when(is_whole).then(whole.cast(pl.String)).otherwise(text)
  return column.cast(pl.String)


def _path(column: pl.Expr, inner: pl.DataType | DataTypeClass) -> pl.Expr:
  """The texts of a list, or of the first of its lists."""
  if isinstance(inner, pl.List | pl.Array):
    return _text(column.list.first(), inner)
  if isinstance(inner, pl.Struct):
    each = column.list.eval(pl.element().struct.json_encode())
    return pl.format("[{}]", each.list.join(", "))
  each = column.list.eval(_text(pl.element(), inner))
  return each.list.join(LIST_SEPARATOR)


def _decode(value: bytes | None) -> str | None:
  try:
    return None if value is None else value.decode()
  except UnicodeDecodeError:
    return None
