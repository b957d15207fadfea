"""Sections on the run itself, whatever it was for."""

from collections.abc import Iterator, Mapping, Sequence

from gr_jax.evaluation.report import run_plots
from gr_jax.evaluation.report.page import (
  Cell,
  Figure,
  Row,
  Section,
  Table,
)
from gr_jax.evaluation.report.svg import plain


def training(history: Mapping[str, Sequence[dict]]) -> list[Section]:
  """Curves of every training that logged some."""
  if not run_plots.has_curves(history):
    return []
  caption = "Every figure against the training step."
  picture = run_plots.training_curves(history)
  return [Section("Training", figures=[Figure(picture, caption)])]


def semantic_ids(
  quality: Sequence[dict], level_sizes: Sequence[int], items: Sequence[int]
) -> list[Section]:
  """Use of the codebooks, and how many IDs name one item, two, and so on."""
  figures = []
  if quality and level_sizes:
    caption = (
      "Share of the codes in use; the line across is the perplexity, the "
      "number of codes if all were equally frequent."
    )
    picture = run_plots.codebook_use(quality, level_sizes)
    figures.append(Figure(picture, caption))
  if items:
    caption = "How many items share one semantic ID."
    figures.append(Figure(run_plots.items_per_id(items), caption))
  tables = [by_level(quality)] if quality else []
  if not figures and not tables:
    return []
  return [Section("Semantic IDs", figures=figures, tables=tables)]


def stages(
  seconds: Mapping[str, float],
  commits: Mapping[str, str],
  settings: Mapping[str, Mapping],
) -> Section:
  """Time and commit of every stage; `settings` are folded lists of terms."""
  figures, tables = [], []
  if seconds:
    caption = "Time that it took to make every stage."
    figures.append(Figure(run_plots.stage_seconds(seconds), caption))
  if commits:
    rows = [
      Row(
        [Cell(name), Cell(run_plots.spoken_time(seconds[name])), Cell(commit)]
      )
      for name, commit in commits.items()
    ]
    tables.append(Table(["stage", "made in", "commit"], rows))
  folds = [
    Section(name.capitalize(), terms=list(terms(values)))
    for name, values in settings.items()
  ]
  return Section("The run", figures=figures, tables=tables, folds=folds)


def distinct(commits: Mapping[str, str]) -> list[str]:
  """The commits of all stages; a stage may have several, after commas."""
  return list(dict.fromkeys(", ".join(commits.values()).split(", ")))


def mixed_commits(commits: Mapping[str, str]) -> list[str]:
  """One warning where the stages were not all made by the same source."""
  several = distinct(commits)
  if len(several) < 2:
    return []
  return [
    f"Made by several commits ({', '.join(several)}): no single one gives "
    "these figures."
  ]


def by_level(rows: Sequence[dict]) -> Table:
  """Metrics against levels; level 0 is the whole ID."""
  levels = sorted({row["level"] for row in rows})
  figures = {
    (row["metric"], row["level"]): f"{row['value']:,.4g}" for row in rows
  }
  lines = [
    Row(
      [
        Cell(plain(metric)),
        *[Cell(figures.get((metric, level), "")) for level in levels],
      ]
    )
    for metric in dict.fromkeys(row["metric"] for row in rows)
  ]
  names = [f"level {level}" if level else "whole ID" for level in levels]
  return Table(["figure", *names], lines)


def terms(values: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
  """Names and values; those of a nested mapping have a dotted name."""
  for name, value in values.items():
    if isinstance(value, Mapping):
      yield from terms(value, f"{prefix}{name}.")
    else:
      text = f"{value:.6g}" if isinstance(value, float) else str(value)
      yield f"{prefix}{name}", text
