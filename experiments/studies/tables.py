"""Tables of a study as Markdown."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from experiments.studies import comparisons
from experiments.studies.record import Record, View
from gr_jax.evaluation.report.text_table import markdown

_BOTH = """\
Behind each figure stands the difference per request to the baseline, in
brackets its 95 % interval, then how many seeds agree with its sign. Brackets
behind a baseline's own figure are the interval of that figure. **Intervals draw
users and seeds**: they say how far a figure would be another with other users
and after training with other seeds, of which there are {seeds}: where they
differ, an interval is wide. The test of a difference is Student's t of the same
draws. This study makes {made:,} comparisons (every
variant, baseline, metric and world of its table.json, each once); bold are the
{called:,} that stand out at a false discovery rate of {rate:.0%} among all of
them (Benjamini and Hochberg 1995). What is not bold was not shown, whatever its
sign. A figure of one seed has an interval over users alone, and no test."""

_USERS = """\
Behind each figure stands the difference per request to the baseline, in
brackets its 95 % interval over users, then how many seeds agree with its sign.
Brackets behind a baseline's own figure are the interval of that figure.
**Intervals hold the seeds fixed**: they are of these trained models. What other
seeds would give was not tested, so nothing is bold."""


def how_to_read(record: Record) -> str:
  """What brackets and bold figures of the page mean."""
  made, called = comparisons.counts(record.rows)
  if not made:
    return _USERS
  counts = {len(facts["seeds"]) for facts in record.worlds.values()}
  text = _BOTH.format(
    seeds=" or ".join(map(str, sorted(counts))),
    made=made,
    called=called,
    rate=comparisons.RATE,
  )
  return textwrap.fill(text, 80)


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


def is_share(metric: str) -> bool:
  """Whether a figure is shown in percent; nats and counts are not."""
  return not metric.endswith(("loss", "log_prob", "items"))


def choices_table(view: View) -> str:
  """All trials on the validation period, of which the bold one was taken."""
  found = view.facts.get("choices", {})
  if not found:
    return ""
  trials = next(iter(found.values()))["trials"]
  metrics = list(trials[0]["figures"])
  percent = all(map(is_share, metrics))
  times = 100 if percent else 1
  lines = []
  for arm, one in found.items():
    for k, trial in enumerate(one["trials"]):
      settings = ", ".join(
        f"{path.rpartition('.')[2]} {_plain(value)}"
        for path, value in trial["settings"].items()
      )
      settings = f"**{settings}**" if k == one["chosen"] else settings
      figures = [f"{times * trial['figures'][name]:.2f}" for name in metrics]
      lines.append([view.labels[arm], settings, *figures])
  return (
    f"Chosen on the validation period with seed {view.facts['seeds'][0]}, for "
    f"all seeds: the best of {len(trials)} trials of every arm that has a line "
    f"here, by {', then by '.join(metrics)} (bold)."
    f"{' In percent:' if percent else ''}\n\n"
    + markdown([["arm", "tried", *metrics], *lines])
  )


def _plain(value) -> str:
  return f"{value:g}" if isinstance(value, float) else str(value)


def _formatted(text: str, row: Mapping) -> str:
  try:
    return text.format_map(row)
  except KeyError:
    return "-"


def cell(row: Mapping | None, *, digits: int = 1) -> str:
  """A figure in percent and its difference to the baseline with its interval.

  Bold where it stands out among all comparisons of the study; then how many
  seeds agree. Items are counted, not a share. The baseline's own figure has no
  difference but, where it is known, an interval.
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
  if comparisons.stands_out(row):
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
