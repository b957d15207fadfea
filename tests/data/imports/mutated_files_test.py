"""Mutated files are imported or refused in one line; every row is counted."""

import bz2
import gzip
import io
import json
import random
from collections.abc import Callable

import polars as pl
import pytest

from gr_jax.data.imports.read import read_table
from gr_jax.data.sources.own_data import import_tables

NOW = 1_750_000_000
PAIRS = 5_000  # Slow: about four minutes on one core.
FEW = 60

ITEMS = [
  {
    "item_id": f"i{k}",
    "text": ("Amélie's mug", 'the "big" pan', "日本 tea", "a, b; c")[k % 4],
    "category": ["Home", ("Cups", "Pans > Big")[k % 2]],
    "value": (1.5, "$2,50", None, 1e300)[k % 4],
  }
  for k in range(8)
]
EVENTS = [
  {
    "user_id": f"u{k % 4}",
    "item_id": f"i{k % 8}",
    "time": 1_600_000_000 + 1000 * k,
    "event": ("view", "click", "purchase")[k % 3],
    "query": ("red mug", "", None)[k % 3],
  }
  for k in range(40)
]
WORDS = [
  b"9" * 5000, b'"', b"'", b"\0", b"\r", b"\n", b"\xff", b"\xfe\xff", b"{",
  b"[" * 2000, b"]", b"\\ud800", b"\xe9", b"nan", b"-1e999", b"\t", b",", b"::",
  b"20250201", b"x" * 140_000, b"0001-01-01", b"1e400", b"\\", b"}\n", b"null",
  b"\x1f", b"=cmd()", b"\xef\xbb\xbf", b"-9223372036854775809",
]  # fmt: skip
ENDINGS = [
  "csv", "tsv", "jsonl", "json", "parquet", "csv.gz", "dat", "jsonl.gz", "txt",
  "parquet.gz", "zip", "csv.bz2",
]  # fmt: skip


def _text(rows: list[dict], mark: str) -> bytes:
  lines = [mark.join(rows[0])]
  for row in rows:
    cells = ["" if v is None else str(v) for v in row.values()]
    quoted = (f'"{c}"' if mark in c and '"' not in c else c for c in cells)
    lines.append(mark.join(quoted))
  return "\n".join(lines).encode() + b"\n"


def _jsonl(rows: list[dict]) -> bytes:
  return "\n".join(map(json.dumps, rows)).encode()


def _literals(rows: list[dict]) -> bytes:
  return "\n".join(map(repr, rows)).encode()


def _pretty(rows: list[dict]) -> bytes:
  return json.dumps(rows, indent=2, ensure_ascii=False).encode()


def _parquet(rows: list[dict]) -> bytes:
  text = {"value": str} if "value" in rows[0] else {}
  columns = {
    name: [row[name] if name not in text else str(row[name]) for row in rows]
    for name in rows[0]
  }
  stream = io.BytesIO()
  pl.DataFrame(columns).write_parquet(stream, compression="zstd")
  return stream.getvalue()


FORMS: list[tuple[str, Callable[[list[dict]], bytes]]] = [
  ("csv", lambda rows: _text(rows, ",")),
  ("tsv", lambda rows: _text(rows, "\t")),
  ("dat", lambda rows: _text(rows, "::")),
  ("csv", lambda rows: _text(rows, ";").decode().encode("cp1252", "replace")),
  ("csv", lambda rows: _text(rows, ",").decode().encode("utf-16")),
  ("jsonl", _jsonl),
  ("json", _literals),
  ("json", _pretty),
  ("parquet", _parquet),
  ("csv.gz", lambda rows: gzip.compress(_text(rows, ","), mtime=0)),
  ("jsonl.bz2", lambda rows: bz2.compress(_jsonl(rows))),
]


def _mutated(raw: bytes, rng: random.Random) -> bytes:
  data = bytearray(raw)
  for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(7)
    if kind == 0 and at < len(data):
      data[at] = rng.randrange(256)
    elif kind == 1:
      data[at:at] = rng.choice(WORDS)
    elif kind == 2:
      del data[at : at + rng.choice([1, 3, 20, 200])]
    elif kind == 3:
      del data[at:]
    elif kind == 4 and at < len(data):
      data[at] ^= 1 << rng.randrange(8)
    elif kind == 5:
      end = at + rng.randrange(200)
      data[at:at] = data[at:end]
    else:  # A number becomes an odd one, a line another.
      data = bytearray(
        data.replace(b"1", rng.choice(WORDS), rng.choice([1, 2]))
      )
  return bytes(data)


def _check_pairs(folder, seeds: range) -> dict[str, int]:
  counts = {"imported": 0, "refused": 0}
  made = [(e, form(ITEMS), form(EVENTS)) for e, form in FORMS]
  for seed in seeds:
    rng = random.Random(seed)
    paths = []
    for side in (1, 2):
      ending, *raws = rng.choice(made)
      raw = raws[side - 1]
      # One of the two may stay whole, so that the other is read to its end.
      if rng.random() < 0.6:
        raw = _mutated(raw, rng)
      if rng.random() < 0.1:
        ending = rng.choice(ENDINGS)
      path = folder / f"{side}.{ending}"
      path.write_bytes(raw)
      paths.append(path)
      _check_count(path, seed)
    try:
      import_tables(*paths, {}, folder / "out", now=NOW, overwrite=True)
      counts["imported"] += 1
    except BaseException as error:
      _refused(error, seed)
      counts["refused"] += 1
  return counts


def _refused(error: BaseException, seed: int) -> None:
  """A refusal is one line of ours, anything else a fault."""
  ours = isinstance(error, ValueError | OSError)
  line = " ".join(str(error).splitlines())
  if not ours or isinstance(error, UnicodeError) or not line.strip():
    raise AssertionError(f"seed {seed}: {error!r}") from error


def _check_count(path, seed: int) -> None:
  """Rows in = rows kept + rows rejected."""
  wanted = {"item_id", "text", "category", "value", "user_id", "time"}
  try:
    table = read_table(path, wanted=wanted, file=path.name)
  except BaseException as error:
    _refused(error, seed)
    return
  rows = table.frame["row"].to_list() + table.rejects["row"].to_list()
  assert len(rows) == len(set(rows)) == table.rows_read, seed


def test_a_few_mutated_pairs_are_imported_or_refused(tmp_path):
  counts = _check_pairs(tmp_path, range(FEW))
  assert min(counts.values()) > 0


@pytest.mark.slow
def test_thousands_of_mutated_pairs_are_imported_or_refused(tmp_path):
  counts = _check_pairs(tmp_path, range(FEW, FEW + PAIRS))
  assert sum(counts.values()) == PAIRS
  print(counts)
