"""Reads a file of rows by its ending: CSV, JSONL or Parquet."""

import dataclasses
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.columns import (
  EVENT_COLUMNS,
  ITEM_COLUMNS,
  resolve_columns,
)
from gr_jax.data.imports.readers import read_csv, read_jsonl, read_parquet

_CSV = (".csv", ".tsv", ".txt")
_JSONL = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")

ENDINGS = (*(f"{e}.gz" for e in _CSV + _JSONL), *_CSV, *_JSONL, *_PARQUET)
"""How the names of files that can be read end."""


def read_tables(
  items_path: Path,
  events_path: Path,
  columns: Mapping[str, str],
  *,
  progress: Callable[[str], None],
) -> tuple[CheckedTable, CheckedTable]:
  """Reads both files under our column names, texts and queries on one line.

  Args:
    columns: A map of our names to columns, see `resolve_columns`.
    progress: Gets a line before each file.
  """
  tables = []
  for path, ours in (items_path, ITEM_COLUMNS), (events_path, EVENT_COLUMNS):
    same_name = items_path.name == events_path.name
    progress(f"reading {path}")
    tables.append(
      read_table(
        path,
        wanted={*ours, *columns.values()},
        file=str(path) if same_name else path.name,
      )
    )
  items, events = tables
  item_names, event_names = resolve_columns(
    columns,
    items=items.columns,
    events=events.columns,
    item_file=items.file,
    event_file=events.file,
  )
  return _renamed(items, item_names), _renamed(events, event_names)


def read_alone(
  path: Path, kind: str, columns: Mapping[str, str]
) -> CheckedTable:
  """Reads one of the two files by itself, as `read_tables` reads both.

  Args:
    path: The file.
    kind: "items" or "events".
    columns: A map of our names to columns; those of the other file are left
      alone.

  Raises:
    ValueError: a column that must be there is missing.
  """
  ours = {"items": ITEM_COLUMNS, "events": EVENT_COLUMNS}
  mine = {
    name: theirs
    for name, theirs in columns.items()
    if name.rpartition(".")[0] in ("", kind)
    and name.rpartition(".")[2] in ours[kind]
  }
  table = read_table(path, wanted={*ours[kind], *mine.values()}, file=path.name)
  # The other file is as if it had all that it needs.
  both = {name: ours[name] for name in ours} | {kind: table.columns}
  found = resolve_columns(
    mine,
    items=both["items"],
    events=both["events"],
    item_file=path.name,
    event_file=path.name,
  )
  return _renamed(table, found[kind == "events"])


def read_table(path: Path, *, wanted: set[str], file: str) -> CheckedTable:
  """Reads the `wanted` columns of a file, by its ending.

  CSV (`.csv`, `.tsv`, `.txt`; the delimiter is found in the header) and JSON
  Lines (`.jsonl`, `.ndjson`, `.json`), each also with `.gz`; Parquet
  (`.parquet`, `.pq`).

  Args:
    path: The file.
    wanted: The names of the columns to read where they exist.
    file: The name of the file in messages.

  Raises:
    FileNotFoundError: no such file.
    ValueError: unknown ending, empty or unreadable file.
  """
  if not path.is_file():
    raise FileNotFoundError(f"No file {path}.")
  packed = path.suffix.lower() == ".gz"
  ending = Path(path.stem if packed else path.name).suffix.lower()
  if ending in _PARQUET and not packed:
    return read_parquet(path, wanted=wanted, file=file)
  if ending not in _CSV + _JSONL:
    raise ValueError(
      f"{path} is not of a known kind: {', '.join(_CSV + _JSONL)} (each also "
      f"with .gz) or {', '.join(_PARQUET)}; convert or rename it."
    )
  lines, not_utf8 = _read_lines(path, packed)
  read = read_csv if ending in _CSV else read_jsonl
  return read(lines, not_utf8, wanted=wanted, file=file)


def _read_lines(path: Path, packed: bool) -> tuple[list[str], set[int]]:
  """Reads lines, and finds the indices of those that are not UTF-8."""
  try:
    with (gzip.open if packed else open)(path, "rb") as stream:
      raw = stream.readlines()
  except (gzip.BadGzipFile, EOFError) as error:
    raise ValueError(f"{path} is not a whole gzip file: {error}.") from error
  if not any(line.strip() for line in raw):
    raise ValueError(f"{path} is empty.")
  if raw[0][:2] in (b"\xff\xfe", b"\xfe\xff"):
    raise ValueError(f"{path} is UTF-16; save it as UTF-8.")
  raw[0] = raw[0].removeprefix(b"\xef\xbb\xbf")
  lines, not_utf8 = [], set()
  for i, line in enumerate(raw):
    try:
      lines.append(line.decode())
    except UnicodeDecodeError:
      lines.append(line.decode(errors="backslashreplace"))
      not_utf8.add(i)
  return lines, not_utf8


def _renamed(table: CheckedTable, names: Mapping[str, str]) -> CheckedTable:
  frame = table.frame.select(
    "row", *(pl.col(theirs).alias(ours) for ours, theirs in names.items())
  )
  words = [name for name in ("text", "query") if name in names]
  one_line = pl.col(words).str.replace_all(r"\s+", " ")
  return dataclasses.replace(table, frame=frame.with_columns(one_line))
