"""The record of mutants: one line of JSON for each run."""

import json
import pathlib
from collections.abc import Mapping

RESULTS = pathlib.Path(__file__).parents[2] / "experiments/results/mutants"


def load_record(path: pathlib.Path) -> dict[tuple, dict]:
  """The newest line of every mutant, by (file, offset, before, after)."""
  lines = path.read_text().splitlines() if path.exists() else []
  return {key_of(row): row for row in map(json.loads, lines)}


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
