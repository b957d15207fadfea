"""Reads the files of a table by what they are: text, JSON or Parquet."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.columns import (
  EVENT_COLUMNS,
  ITEM_COLUMNS,
  JOINED,
  attribute_columns,
  parts_of,
  resolve_columns,
  source_columns,
)
from gr_jax.data.imports.decode import Text, decode
from gr_jax.data.imports.delimited import read_csv
from gr_jax.data.imports.joins import combine, group_parts, shared_columns
from gr_jax.data.imports.json_rows import read_json
from gr_jax.data.imports.lines import Lines
from gr_jax.data.imports.parquet_rows import read_parquet
from gr_jax.data.imports.source import Source, as_source
from gr_jax.data.imports.unpack import open_packed
from gr_jax.data.imports.words import as_text, as_words, map_words

_CSV = (".csv", ".tsv", ".txt")
_JSON = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")
_BLANKS = r"[\s\x1f]+"
_WORDS = ("user_id", "item_id", "event", "split", "query")
_OURS = {"items": ITEM_COLUMNS, "events": EVENT_COLUMNS}

ENDINGS = (*(f"{e}.gz" for e in _CSV + _JSON), *_CSV, *_JSON, *_PARQUET)
"""How the names of files mostly end; others are read as delimited text."""


def read_tables(
  items: Path | Source,
  events: Path | Source,
  columns: Mapping[str, str],
  *,
  attributes: Mapping[str, str] = MappingProxyType({}),
  progress: Callable[[str], None],
) -> tuple[CheckedTable, CheckedTable]:
  """Reads both tables under our column names, texts and queries on one line.

  Args:
    items: The file or files of the items.
    events: Those of the events.
    columns: A map of our names to columns, see `resolve_columns`.
    attributes: Columns of the items to keep, by the names of attributes.
    progress: Gets a line before each file, and what was assumed of it.
  """
  sources = {"items": as_source(items), "events": as_source(events)}
  names = {source.name for source in sources.values()}
  files = {source.paths for source in sources.values()}
  same_name = len(names) < len(files)
  tables, found = {}, dict(columns)
  for kind, source in sources.items():
    progress(f"reading {source}")
    mine = {*_OURS[kind], *source_columns(columns), *_offered(source)}
    mine |= {*attributes.values()} if kind == "items" else set()
    table = read_source(source, wanted=mine, whole_path=same_name)
    for note in table.notes:
      progress(note)
    tables[kind] = table
    found = _chosen(source, table, kind, columns) | found
    del table  # It is long, and is changed below.
  item_names, event_names = resolve_columns(
    found,
    items=tables["items"].columns,
    events=tables["events"].columns,
    item_file=tables["items"].file,
    event_file=tables["events"].file,
  )
  item_names |= attribute_columns(
    attributes, tables["items"].columns, file=tables["items"].file
  )
  return (
    _renamed(tables["items"], item_names),
    _with_words(_renamed(tables.pop("events"), event_names)),
  )


def read_alone(
  path: Path,
  kind: str,
  columns: Mapping[str, str],
  usual: Mapping[str, str] = MappingProxyType({}),
) -> CheckedTable:
  """Reads one of the two files by itself, as `read_tables` reads both.

  Args:
    path: The file.
    kind: "items" or "events".
    columns: A map of our names to columns; those of the other file are left
      alone.
    usual: Those of earlier files, for names that `columns` does not have; this
      file may have none of them.

  Raises:
    ValueError: a column that must be there is missing.
  """
  mine, usual = _of_kind(columns, kind), _of_kind(usual, kind)
  wanted = {*_OURS[kind], *source_columns(mine), *source_columns(usual)}
  table = read_table(path, wanted=wanted, file=path.name)
  given = {name.rpartition(".")[2] for name in mine}
  mine |= {
    name: theirs
    for name, theirs in usual.items()
    if name.rpartition(".")[2] not in given
    and all(part in table.columns for part in parts_of(theirs, table.columns))
  }
  # The other file is as if it had all that it needs.
  both = {name: _OURS[name] for name in _OURS} | {kind: table.columns}
  found = resolve_columns(
    mine,
    items=both["items"],
    events=both["events"],
    item_file=path.name,
    event_file=path.name,
  )
  return _renamed(table, found[kind == "events"])


def _of_kind(columns: Mapping[str, str], kind: str) -> dict[str, str]:
  return {
    name: theirs
    for name, theirs in columns.items()
    if name.rpartition(".")[0] in ("", kind)
    and name.rpartition(".")[2] in _OURS[kind]
  }


def read_source(
  source: Source, *, wanted: set[str], whole_path: bool = False
) -> CheckedTable:
  """Reads the wanted columns of all files of a table as one table.

  Args:
    source: The files.
    wanted: The names of the columns to read where they exist.
    whole_path: True to name files by their paths in messages.

  Raises:
    FileNotFoundError, ValueError: as `read_table`, and those of `combine`.
  """
  if source.reshape:
    wanted = wanted | set(source.reshape.needs)

  def read(wanted: set[str]) -> list[list[CheckedTable]]:
    return group_parts(
      [
        read_table(
          path,
          wanted=wanted,
          file=str(path) if whole_path else path.name,
          header=source.header,
          delimiter=source.delimiter,
          encoding=source.encoding,
        )
        for path in source.paths
      ]
    )

  groups = read(wanted | set(source.keys))
  shared = shared_columns(groups)
  if not source.keys and not shared <= wanted:
    # A key may be any column; which, the files have said now.
    groups = read(wanted | shared)
  table = combine(groups, source.keys)
  return source.reshape.of(table) if source.reshape else table


def read_table(
  path: Path,
  *,
  wanted: set[str] | None,
  file: str,
  header: tuple[str, ...] = (),
  delimiter: str = "",
  encoding: str = "",
) -> CheckedTable:
  """Reads the `wanted` columns of a file.

  Parquet is known by its first bytes; JSON by its ending (`.json`, `.jsonl`,
  `.ndjson`) or its first letter; all else is delimited text. Each may be
  packed, see `open_packed`.

  Args:
    path: The file.
    wanted: The names of the columns to read where they exist; None for all.
    file: The name of the file in messages.
    header: The names of the first columns of text without a header.
    delimiter: What stands between fields, "" to find it.
    encoding: The encoding of text, "" to guess it.

  Raises:
    FileNotFoundError: no such file.
    ValueError: an empty or unreadable file.
    OSError: the file may not be read.
  """
  packed = open_packed(path)
  ending = Path(packed.name).suffix.lower()
  if packed.head[:4] == b"PAR1" or ending in _PARQUET:
    table = read_parquet(packed.whole(), wanted=wanted, file=file)
    return table.note(packed.note)
  text = decode(packed, encoding=encoding, file=file)
  first = next((line for line in Lines(text) if line.strip()), "").lstrip()
  if not first:
    raise ValueError(f"{path} is empty.")
  if _is_binary(text):
    raise ValueError(f"{path} is no text (NUL bytes); what is it?")
  # SQL Server writes [id],[name] as the header of a CSV file.
  marks = "{" if ending in _CSV else "{["
  is_json = ending in _JSON or first[0] in marks
  if is_json:
    table = read_json(*text.whole(), wanted=wanted, file=file)
  else:
    table = read_csv(
      text,
      wanted=wanted,
      file=file,
      header=header,
      delimiter=delimiter,
    )
  return table.note(packed.note, text.note)


def _is_binary(text: Text) -> bool:
  """Whether no line can be used and there are NUL bytes."""
  zeros = False
  for block in text.blocks():
    lines, bad = text.decoded(block)
    if len(bad) < len(lines):
      return False
    zeros |= b"\0" in block
  return zeros


def _offered(source: Source) -> set[str]:
  """All columns that a public format may have under our names."""
  return source_columns(
    {c: c for names in source.columns.values() for c in names.split("|")}
  )


def _chosen(
  source: Source,
  table: CheckedTable,
  kind: str,
  given: Mapping[str, str],
) -> dict[str, str]:
  """The columns of a public format that this file has; given ones win."""
  found = {}
  for name, theirs in source.columns.items():
    there = [
      choice
      for choice in theirs.split("|")
      if all(part in table.columns for part in parts_of(choice, table.columns))
    ]
    if there and name in _OURS[kind] and name not in given:
      found[f"{kind}.{name}"] = there[0]
  return found


def _renamed(table: CheckedTable, names: Mapping[str, str]) -> CheckedTable:
  frame = table.frame.select(
    "row",
    *(_column(ours, theirs, table.columns) for ours, theirs in names.items()),
  )
  if "text" in names:
    frame = as_text(frame)
  one_line = [
    map_words(frame[name], lambda text: text.str.replace_all(_BLANKS, " "))
    for name in ("text", "query")
    if name in names
  ]
  return dataclasses.replace(table, frame=frame.with_columns(one_line))


def _with_words(table: CheckedTable) -> CheckedTable:
  """Keeps what comes again and again in a long table as numbers of words."""
  words = [name for name in _WORDS if name in table.frame.columns]
  return table.derive(*(as_words(table.frame[name]) for name in words))


def _column(ours: str, theirs: str, present: Collection[str]) -> pl.Expr:
  """A column, or the parts of one that a row has, joined."""
  parts = parts_of(theirs, present)
  if len(parts) == 1:
    return pl.col(theirs).alias(ours)
  joined = pl.concat_str(parts, separator=JOINED[ours], ignore_nulls=True)
  return joined.replace("", None).alias(ours)
