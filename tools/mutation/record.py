"""The records of mutants: one line of JSON for each run.

`seed_N.jsonl` has the sample of a seed, `by_hand_record.jsonl` the written
changes, and `equivalent.json` the reasons of mutants that change nothing.
"""

import json
import pathlib
from collections.abc import Mapping

RESULTS = pathlib.Path(__file__).parents[2] / "experiments/results/mutants"


def load_record(path: pathlib.Path) -> dict[tuple, dict]:
  """The newest line of every mutant, by (file, offset, before, after).

  `first` is the result of its oldest line.
  """
  found = {}
  lines = path.read_text().splitlines() if path.exists() else []
  for row in map(json.loads, lines):
    before = found.get(key_of(row), {"first": row["result"]})
    found[key_of(row)] = row | {"first": before["first"]}
  return found


def key_of(row: Mapping) -> tuple:
  """The place and the change of a row."""
  return row["file"], row["offset"], row["before"], row["after"]


def line_key(row: Mapping) -> tuple:
  """As `key_of`, by line, of a row that people write."""
  return row["file"], row["line"], row["before"], row["after"]


def load_equivalent(folder: pathlib.Path = RESULTS) -> dict[tuple, str]:
  """The reasons of mutants that change nothing, by `line_key`."""
  rows = json.loads((folder / "equivalent.json").read_text())
  return {line_key(row): row["reason"] for row in rows}
