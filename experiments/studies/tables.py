"""Tables of a study as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from experiments.studies.record import Record, View
from gr_jax.evaluation.report.text_table import markdown

HOW_TO_READ = """\
Behind each figure stands the difference per request to the baseline, in
brackets its 95 % interval (bootstrap over users, seeds pooled), then how many
seeds agree with its sign; bold where the interval leaves out 0. Brackets behind
a baseline's own figure are the interval of that figure."""

# A line of a table of differences: its first cells, variant, baseline, and the
# first part of its metrics' names.
Line = tuple[Sequence[str], str, str, str]


def difference_table(
  view: View,
  head: Sequence[str],
  lines: Sequence[Line],
  metrics: Sequence[str],
  *,
  digits: int = 1,
) -> str:
  """A table of `difference_lines`."""
  found = difference_lines(view, lines, metrics, digits=digits)
  return markdown([head, *found])


def baseline_table(
  view: View,
  baseline: str,
  metrics: Sequence[str],
  heads: Iterable[str],
  *,
  digits: int = 1,
) -> str:
  """All variants that were measured against one baseline."""
  lines = [([view.labels[a]], a, baseline, "") for a in view.measured]
  return difference_table(view, ["arm", *heads], lines, metrics, digits=digits)


def difference_lines(
  view: View, lines: Sequence[Line], metrics: Sequence[str], *, digits: int = 1
) -> list[list[str]]:
  """Lines of `cell`s; those of which no figure is there are left out."""
  cells = []
  for first, arm, baseline, prefix in lines:
    rows = [view.find(prefix + metric, arm, baseline) for metric in metrics]
    if any(rows):
      cells.append([*first, *[cell(row, digits=digits) for row in rows]])
  return cells


def fact_table(
  view: View,
  table: str,
  columns: Mapping[str, str],
  names: Sequence[str] | None = None,
  first: str = "arm",
) -> str:
  """A table of what was noted of each variant.

  Args:
    view: The world.
    table: The name of the notes.
    columns: The format of a cell by its heading, e.g. `{ids:,.0f}`.
    names: The variants, in this order; None is all that have notes.
    first: The heading of their labels.
  """
  facts, formats = view.facts[table], columns.values()
  lines = [
    [view.labels[name], *[_formatted(text, facts[name]) for text in formats]]
    for name in names or facts
    if name in facts
  ]
  return markdown([[first, *columns], *lines])


def _formatted(text: str, row: Mapping) -> str:
  try:
    return text.format_map(row)
  except KeyError:
    return "-"


def cell(row: Mapping | None, *, digits: int = 1) -> str:
  """A figure in percent and its difference to the baseline with its interval.

  Bold where the interval leaves out 0; then how many seeds agree. Items are
  counted, not a share. The baseline's own figure has no difference but, where
  it is known, an interval.
  """
  if row is None:
    return "-"
  times = 100
  if row["metric"].endswith("items"):
    times, digits = 1, 0
  value = f"{times * row['value']:.{digits if times == 1 else 1}f}"
  if row["arm"] == row["baseline"]:
    ends = [row.get("value_low"), row.get("value_high")]
    if None in ends:
      return value
    low, high = (f"{times * end:.{digits}f}" for end in ends)
    return f"{value} [{low}, {high}]"
  names = ("difference", "low", "high")
  middle, low, high = (f"{times * row[name]:+.{digits}f}" for name in names)
  if row["low"] > 0 or row["high"] < 0:
    middle = f"**{middle}**"
  return f"{value} {middle} [{low}, {high}] {row['agreeing']}/{row['compared']}"


def world_heading(view: View, *facts: str, levels: Sequence[float] = ()) -> str:
  """The name of a world, its sizes, and what else there is to say of it."""
  found, seeds = view.facts, len(view.facts["seeds"])
  kinds = found["requests"].items()
  requests = ", ".join(f"{count:,} {kind}".strip() for kind, count in kinds)
  sizes = [f"{found['items']:,} items", *facts]
  if levels:
    codes = ", ".join(f"{size:.0f}" for size in levels)
    sizes.append(f"codes per level: {codes}")
  return (
    f"## {view.title}\n\n{', '.join(sizes)}; {requests} requests of "
    f"{found['users']:,} users; {seeds} seed{'s' * (seeds > 1)}."
  )


def made_by(record: Record) -> str:
  """What someone needs to make a table again, as its last lines."""
  origin = record.origin
  versions = ", ".join(f"{k} {v}" for k, v in origin["versions"].items())
  return (
    f"Made by\n\n    {origin['command']}\n\nseeds "
    f"{', '.join(map(str, origin['seeds']))}; commit {origin['commit']}; "
    f"{origin['machine']}; {versions}; {origin['minutes']:.0f} minutes."
  )
