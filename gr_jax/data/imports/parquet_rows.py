"""Parquet columns of any type as the text that a CSV file would hold."""

from pathlib import Path

import polars as pl

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.rejects import CheckedTable, reject_rows
from gr_jax.data.imports.table import BAD_ENCODING, Table, strip_text


def read_parquet(path: Path, *, wanted: set[str], file: str) -> Table:
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
  frame = frame.select(
    pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"),
    *(_text(name, frame.schema[name]).alias(name) for name in columns),
    lost,
  )
  checked = CheckedTable(
    file=file,
    frame=strip_text(frame),
    rejects=reject_rows(file, [], [], []),
    rows_read=frame.height,
  ).drop(pl.col(BAD_ENCODING), BAD_ENCODING)
  return Table(columns=tuple(schema), checked=checked.select("row", *columns))


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
  column = pl.col(name)
  if isinstance(dtype, pl.List):
    if isinstance(dtype.inner, pl.List):
      column = column.list.first()
    return column.cast(pl.List(pl.String)).list.join(PATH_SEPARATOR)
  if isinstance(dtype, pl.Datetime):
    if dtype.time_zone:
      column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
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
