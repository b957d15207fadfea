"""Reads semantic IDs that another project made, from a file."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

_NUMBER = re.compile(r"\d+")
_NONE = -1
_LARGEST = 1 << 20


def load_id_table(
  path: Path, item_ids: np.ndarray
) -> tuple[np.ndarray, tuple[int, ...]]:
  """Reads codes `[N, L]` int32 in the order of the catalogue, and level sizes.

  A JSON file maps item ids to lists of codes, as those of LETTER and MiniOneRec
  do: `{"B01": ["<a_12>", "<b_3>"]}`. A CSV or Parquet file has a column
  `item_id` and the codes in one column of lists or words, or a column for each
  level. Of a code that is a word the last number counts; "<a_12><b_3>" and
  "12-3" are two. IDs may end early. Where the codes of each level go on behind
  those of the one before, each level begins at 0 again.

  Args:
    path: The file, `.json`, `.csv`, `.parquet`.
    item_ids: The ids `[N]` of the catalogue; rows of others are ignored.

  Raises:
    FileNotFoundError: no such file.
    ValueError: the file is no such table, lacks an item of the catalogue or
      has one twice, or a code is no number from 0 to 1,048,575.
  """
  path = Path(path)
  if not path.is_file():
    raise FileNotFoundError(f"No table of IDs at {path}.")
  readers = {".json": _read_json, ".csv": _read_csv, ".parquet": _read_parquet}
  if path.suffix not in readers:
    raise ValueError(
      f"{path.name} is not supported; give {', '.join(readers)}."
    )
  table = readers[path.suffix](path)
  missing = [item for item in item_ids.tolist() if item not in table]
  if missing:
    known = next(iter(table), None)
    raise ValueError(
      f"{path.name} has no codes for {len(missing):,} of {len(item_ids):,} "
      f"items, the first {missing[0]!r}; its own are like {known!r}."
    )
  rows = [_codes(table[item], item, path.name) for item in item_ids.tolist()]
  levels = max(map(len, rows), default=0)
  codes = np.full((len(rows), levels), -1, np.int32)
  for row, found in zip(codes, rows):
    row[: len(found)] = found
  return _from_zero(codes)


def _from_zero(codes: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
  tops = codes.max(axis=0, initial=0)
  bottoms = np.where(codes < 0, _LARGEST, codes).min(axis=0, initial=_LARGEST)
  if len(tops) > 1 and (bottoms[1:] > tops[:-1]).all():
    codes = np.where(codes < 0, codes, codes - bottoms).astype(np.int32)
    tops = tops - bottoms
  return codes, tuple((tops + 1).tolist())


def _codes(value: Any, item: str, file: str) -> list[int]:
  """The codes of one item, from a list or from one word for all levels."""
  words = value if isinstance(value, list) else [value]
  if len(words) == 1 and isinstance(words[0], str):
    words = _NUMBER.findall(words[0])
  codes = list(map(_code, words))
  while codes and codes[-1] == _NONE:
    codes.pop()
  if not codes or not 0 <= min(codes) <= max(codes) < _LARGEST:
    raise ValueError(
      f"{file} gives item {item!r} {str(value)[:80]!r}; a code is a number "
      f"from 0 to {_LARGEST - 1:,}, or a word with one such as '<a_12>'."
    )
  return codes


def _code(word: Any) -> int:
  """A code; -1 is one that is not there, -2 none at all."""
  if word is None or word == _NONE or word == str(_NONE):
    return _NONE
  if isinstance(word, float) and word.is_integer():
    word = int(word)
  digits = _NUMBER.findall(re.sub(r"\.0+$", "", str(word)))
  if not isinstance(word, int | str) or not digits or len(digits[-1]) > 9:
    return -2
  return int(digits[-1]) if str(word)[:1] != "-" else -2


def _read_json(path: Path) -> dict[str, Any]:
  def once(pairs):
    table = dict(pairs)
    if len(table) < len(pairs):
      keys = [key for key, _ in pairs]
      again = next(key for key in table if keys.count(key) > 1)
      raise ValueError(f"{path.name} gives item {again!r} more than once.")
    return table

  try:
    table = json.loads(path.read_text("utf-8"), object_pairs_hook=once)
  except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
    raise ValueError(f"{path.name} is no JSON: {error}") from error
  if not isinstance(table, dict):
    raise ValueError(
      f"{path.name} is no JSON object of item ids and lists of codes."
    )
  return table


def _read_csv(path: Path) -> dict[str, Any]:
  try:
    return _of_frame(pl.read_csv(path, infer_schema=False), path.name)
  except pl.exceptions.PolarsError as error:
    reason = str(error).splitlines()[0]
    raise ValueError(f"{path.name} cannot be read: {reason}") from error


def _read_parquet(path: Path) -> dict[str, Any]:
  try:
    return _of_frame(pl.read_parquet(path), path.name)
  except pl.exceptions.PolarsError as error:
    reason = str(error).splitlines()[0]
    raise ValueError(f"{path.name} cannot be read: {reason}") from error


def _of_frame(frame: pl.DataFrame, file: str) -> dict[str, Any]:
  columns = [name for name in frame.columns if name != "item_id"]
  if len(columns) == len(frame.columns) or not columns:
    raise ValueError(
      f"{file} has columns {frame.columns}; it needs item_id and the codes, in "
      "one column or one for each level."
    )
  ids = frame["item_id"].cast(pl.String)
  again = ids.filter(ids.is_duplicated())
  if again.len():
    raise ValueError(f"{file} gives item {again[0]!r} more than once.")
  rows = frame.select(columns).rows()
  one = len(columns) == 1
  return {i: row[0] if one else list(row) for i, row in zip(ids, rows)}
