"""Claims of papers, and what the rows of a study say of them."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from experiments.studies.record import Record

# A figure with the ends of its interval; None where there is none.
Figure = tuple[float | None, float | None, float | None]


@dataclasses.dataclass(frozen=True)
class Bar:
  """What a figure has to be for its claim to be met."""

  text: str
  is_met: Callable[[float, float, float], bool]


ABOVE = Bar("interval above 0", lambda value, low, high: low > 0)
BELOW = Bar("interval below 0", lambda value, low, high: high < 0)
NOT_BELOW = Bar("interval not below 0", lambda value, low, high: high >= 0)
NOT_ABOVE = Bar("interval not above 0", lambda value, low, high: low <= 0)


def at_most(bound: float) -> Bar:
  return Bar(f"at most {bound:g}", lambda value, low, high: value <= bound)


def at_least(bound: float) -> Bar:
  return Bar(f"at least {bound:g}", lambda value, low, high: value >= bound)


def difference(row: Mapping) -> Figure:
  return row["difference"], row.get("low"), row.get("high")


def relative(row: Mapping) -> Figure:
  """The difference as a share of the baseline's own figure."""
  base = row["value"] - row["difference"]
  if not base:
    return None, None, None
  return tuple(x if x is None else x / base for x in difference(row))


def ratio(row: Mapping) -> Figure:
  """The figure over the baseline's own."""
  return tuple(x if x is None else 1 + x for x in relative(row))


def value(row: Mapping) -> Figure:
  return row["value"], row.get("value_low"), row.get("value_high")


_HOW = {relative: ", relative", ratio: ", ratio"}


@dataclasses.dataclass(frozen=True)
class Claim:
  """A sentence of a paper, or a bar of ours, and the row that decides it.

  Attributes:
    system: The name that the paper uses.
    text: The claim.
    source: The paper with its section or table; `[OURS]` for a bar of ours.
    paper: The paper's figure.
    metric: The metric of the row, or `TABLE/FIGURE` for a fact of a variant;
      `{kind}` in it stands for every kind of requests of a world.
    arm: The variant of the row.
    baseline: Its baseline; "" for a figure that stands alone.
    bar: What decides.
    figure: How the row becomes the figure that is shown.
    worlds: The worlds that it is decided in; () is every world of a record.
    optional: Whether a world that has no such row has no such claim.
  """

  system: str
  text: str
  source: str
  paper: str
  metric: str
  arm: str
  baseline: str = ""
  bar: Bar = ABOVE
  figure: Callable[[Mapping], Figure] = difference
  worlds: tuple[str, ...] = ()
  optional: bool = False


def table(
  system: str, source: str, rows: Iterable[tuple], worlds: tuple[str, ...] = ()
) -> tuple[Claim, ...]:
  """Claims of one system; a row has the fields of `Claim` but these, in order.

  What the paper prints no figure of is a bar of ours.
  """
  return tuple(
    Claim(system, text, source if paper else "[OURS]", paper, *fields,
          worlds=worlds)
    for text, paper, *fields in rows
  )  # fmt: skip


def decide(claims: Sequence[Claim], record: Record) -> list[dict]:
  """One row per claim and world; "open" where no figure is there.

  A claim that is optional is left out there.
  """
  return [
    _decided(one, record, world)
    for claim in claims
    for world in record.worlds
    if world in claim.worlds or not claim.worlds
    for one in _of_each_kind(claim, record.worlds[world])
    if not one.optional or _row(one, record, world)
  ]


def _of_each_kind(claim: Claim, facts: Mapping) -> list[Claim]:
  if "{kind}" not in claim.metric:
    return [claim]
  return [
    dataclasses.replace(
      claim,
      text=f"{claim.text}, {kind.replace('_', ' ')}",
      metric=claim.metric.format(kind=kind),
    )
    for kind in facts["requests"]
  ]


def _decided(claim: Claim, record: Record, world: str) -> dict:
  row = _row(claim, record, world)
  figure = claim.figure(row) if row else (None, None, None)
  verdict = "open"
  if figure[0] is not None:
    # A figure without an interval stands for its ends.
    ends = [figure[0] if end is None else end for end in figure[1:]]
    verdict = "met" if claim.bar.is_met(figure[0], *ends) else "missed"
  is_open = verdict == "open"
  return {
    "system": claim.system,
    "claim": claim.text,
    "source": claim.source,
    "paper": claim.paper,
    "study": record.study,
    "world": world,
    "metric": claim.metric + _HOW.get(claim.figure, ""),
    "arm": claim.arm,
    "baseline": claim.baseline,
    **dict(zip(("value", "low", "high"), figure)),
    "q": None if is_open or claim.figure is value else row.get("q"),
    "n": None if is_open else row.get("n"),
    "seeds": None if is_open else row.get("seeds"),
    "bar": claim.bar.text,
    "verdict": verdict,
    "command": record.origin["command"],
    "commit": None if is_open else record.origin["commit"],
    "machine": None if is_open else record.origin["machine"],
  }


def _row(claim: Claim, record: Record, world: str) -> Mapping | None:
  row = record.find(world, claim.metric, claim.arm, claim.baseline)
  if row is not None:
    return row
  table, _, name = claim.metric.partition("/")
  facts = record.worlds[world].get(table)
  if not isinstance(facts, Mapping) or name not in facts.get(claim.arm, {}):
    return None
  mine = facts[claim.arm][name]
  other = facts.get(claim.baseline or claim.arm, {}).get(name)
  apart = None if other is None else mine - other
  return {"value": mine, "difference": apart}


def to_json(claims: Sequence[Mapping]) -> str:
  """A JSON list, one claim a line."""
  lines = ",\n".join(json.dumps(claim, allow_nan=False) for claim in claims)
  return f"[\n{lines}\n]\n"


def load_claims(path: pathlib.Path) -> list[dict]:
  return json.loads(path.read_text(encoding="utf-8"))
