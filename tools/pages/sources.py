"""Where a figure of a page comes from: addresses in the stored tables.

An address is one of

  ARM: TABLE[/WORLD] METRIC          the figure of a variant
  ARM - BASELINE: TABLE/WORLD METRIC its difference to another
  ARM / BASELINE: TABLE/WORLD METRIC its ratio to another
  TABLE.key.key                      any value of the file
  TABLE.key.key / TABLE.key.key      the ratio of two

TABLE is `NAME` of `results/NAME/table.json` or `results/NAME.json`. The world
may be left out where there is one. METRIC is that of a row, or `FACTS/NAME` for
what a study notes of its variants (`prefill/seconds`). After it may stand `n`
or `seeds` (of the row in place of its figure), `%` for percent and points, or
`* FACTOR` for another unit. `{a,b}` stands for both, the last one in a line
changing fastest: one line may be the addresses of a whole table.
"""

import dataclasses
import functools
import json
import pathlib
import re

from experiments.studies import claims
from experiments.studies.record import Record, load_record

_ROW = re.compile(
  r"(?P<arm>\w+)(?: (?P<sign>[-/]) (?P<baseline>\w+))?: "
  r"(?P<table>[\w/]+) (?P<metric>\S+)(?: (?P<count>n|seeds))?"
)
_UNIT = re.compile(r" (?:(?P<percent>%)|\* (?P<factor>[\d.]+))$")
_HOW = {None: claims.value, "-": claims.difference, "/": claims.ratio}
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclasses.dataclass(frozen=True)
class Figure:
  """A stored figure; the ends of the interval are None where there is none."""

  value: float
  low: float | None = None
  high: float | None = None
  is_difference: bool = False

  def times(self, factor: float) -> "Figure":
    ends = [x if x is None else x * factor for x in (self.low, self.high)]
    return Figure(self.value * factor, *ends, self.is_difference)


def expand(line: str) -> list[str]:
  """All addresses that a line with choices stands for.

  >>> expand("{a,b}: shop {x,y}")
  ['a: shop x', 'a: shop y', 'b: shop x', 'b: shop y']
  """
  found = _CHOICE.search(line)
  if found is None:
    return [line]
  before, after = line[: found.start()], line[found.end() :]
  return [
    whole
    for choice in found[1].split(",")
    for whole in expand(before + choice.strip() + after)
  ]


def look_up(address: str, results: pathlib.Path) -> Figure:
  """The figure at an address below the folder of results.

  Raises:
    ValueError: no stored table has it.
  """
  body, factor = address, 1.0
  if unit := _UNIT.search(address):
    body = address[: unit.start()]
    factor = 100.0 if unit["percent"] else float(unit["factor"])
  row = _ROW.fullmatch(body)
  try:
    figure = _of_row(row, results) if row else _of_path(body, results)
  except (KeyError, IndexError, TypeError, FileNotFoundError) as error:
    raise ValueError(f"no stored table has {address!r} ({error})") from error
  return figure.times(factor)


def _of_row(found: re.Match, results: pathlib.Path) -> Figure:
  name, _, world = found["table"].partition("/")
  record = _record(_file(name, results))
  if not world and len(record.worlds) > 1:
    raise KeyError(f"name one of its worlds: {', '.join(record.worlds)}")
  world = world or next(iter(record.worlds))
  arm, baseline = found["arm"], found["baseline"] or ""
  row = _row(record, world, found["metric"], arm, baseline)
  if row is None and found["sign"] == "-":
    row = _row(record, world, found["metric"], baseline, arm)
    row = row and _turned(row)
  if row is None:
    raise KeyError("no such row")
  if found["count"]:
    return Figure(row[found["count"]])
  value, low, high = _HOW[found["sign"]](row)
  if value is None:
    raise KeyError("the row has no such figure")
  return Figure(value, low, high, is_difference=found["sign"] == "-")


def _row(
  record: Record, world: str, metric: str, arm: str, baseline: str
) -> dict | None:
  """A row, or a fact of a variant in its form."""
  row = record.find(world, metric, arm, baseline)
  if row is None and not baseline:
    # Beside every baseline stands the same figure of the variant.
    place = {"world": world, "metric": metric, "arm": arm}
    row = next((r for r in record.rows if place.items() <= r.items()), None)
  table, _, name = metric.partition("/")
  facts = record.worlds[world].get(table)
  if row is not None or not isinstance(facts, dict) or arm not in facts:
    return row
  value = facts[arm][name]
  return {"value": value, "difference": value - facts[baseline or arm][name]}


def _turned(row: dict) -> dict:
  """The difference the other way round."""
  ends = [row["difference"], row.get("high"), row.get("low")]
  turned = [x if x is None else -x for x in ends]
  return row | dict(zip(("difference", "low", "high"), turned))


def _of_path(path: str, results: pathlib.Path) -> Figure:
  if " / " in path:
    above, _, below = path.partition(" / ")
    ratio = _of_path(above, results).value / _of_path(below, results).value
    return Figure(ratio)
  name, *keys = path.split(".")
  value = _content(_file(name, results))
  for key in keys:
    value = value[int(key)] if isinstance(value, list) else value[key]
  if isinstance(value, bool) or not isinstance(value, (int, float)):
    raise KeyError(f"{path} is no number")
  return Figure(value)


def _file(name: str, results: pathlib.Path) -> pathlib.Path:
  alone = results / f"{name}.json"
  return alone if alone.exists() else results / name / "table.json"


def _content(path: pathlib.Path) -> dict:
  return _read(path, path.stat().st_mtime_ns)


def _record(path: pathlib.Path) -> Record:
  return _read_record(path, path.stat().st_mtime_ns)


@functools.cache
def _read(path: pathlib.Path, changed: int) -> dict:
  del changed
  return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def _read_record(path: pathlib.Path, changed: int) -> Record:
  del changed
  return load_record(path)
