"""The record of a study: rows, facts and origin, as its files hold them."""

import dataclasses
import functools
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

_FOLDER = re.compile(r"(--config\.[\w.]*\bpath=)\S+")


@dataclasses.dataclass(frozen=True)
class Record:
  """Everything that a page, a picture and claims say.

  Attributes:
    study: The name of the study, a module of `experiments.studies`.
    labels: The names of the variants for people, in the order of the tables.
    worlds: Facts per world: `variants` (their names), `seeds`, `items`,
      `requests`, `users`, and what a study notes of each variant.
    rows: One figure each, see `paired.rows`; `world` names its world.
    origin: Command, commit, machine, versions, seeds and minutes.
    config: The configuration of the study.
  """

  study: str
  labels: Mapping[str, str]
  worlds: Mapping[str, Mapping[str, Any]]
  rows: list[dict]
  origin: Mapping[str, Any]
  config: Mapping[str, Any]

  @functools.cached_property
  def _by_key(self) -> dict[tuple, dict]:
    names = ("world", "metric", "arm", "baseline")
    return {tuple(row[name] for name in names): row for row in self.rows}

  def find(
    self, world: str, metric: str, arm: str, baseline: str = ""
  ) -> dict | None:
    """The row of a variant; an absent baseline stands for the variant."""
    return self._by_key.get((world, metric, arm, baseline or arm))

  def views(self) -> "list[View]":
    return [View(self, world) for world in self.worlds]

  def to_json(self) -> str:
    """One line per key; rows as columns, which takes half of the space."""
    fields = dataclasses.asdict(self)
    names = dict.fromkeys(name for row in self.rows for name in row)
    columns = {name: [row.get(name) for row in self.rows] for name in names}
    lines = (
      f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
      for key, value in (fields | {"rows": columns}).items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def without_folders(config: Mapping[str, Any]) -> dict[str, Any]:
  """A config whose `path` is DIR: folders of a machine are no result."""
  return {
    name: without_folders(value)
    if isinstance(value, Mapping)
    else "DIR" if name == "path" and value else value
    for name, value in config.items()
  }  # fmt: skip


def without_folders_in(command: str) -> str:
  """A command whose `--config.*path=` is DIR."""
  return _FOLDER.sub(r"\1DIR", command)


def load_record(path: pathlib.Path) -> Record:
  """Reads the `table.json` of a study."""
  fields = json.loads(path.read_text(encoding="utf-8"))
  columns = fields["rows"]
  rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
  return Record(**fields | {"rows": rows})


@dataclasses.dataclass(frozen=True)
class View:
  """One world of a record."""

  record: Record
  world: str

  @property
  def facts(self) -> Mapping[str, Any]:
    return self.record.worlds[self.world]

  @property
  def labels(self) -> Mapping[str, str]:
    return self.record.labels

  @property
  def config(self) -> Mapping[str, Any]:
    return self.record.config

  @property
  def title(self) -> str:
    return self.world.replace("_", " ")

  @functools.cached_property
  def measured(self) -> list[str]:
    """The variants that have rows, in the order of the tables."""
    rows = self.record.rows
    there = {row["arm"] for row in rows if row["world"] == self.world}
    return [name for name in self.facts["variants"] if name in there]

  def find(self, metric: str, arm: str, baseline: str = "") -> dict | None:
    return self.record.find(self.world, metric, arm, baseline)
