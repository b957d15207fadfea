"""Sections on the run itself, whatever it was for."""

from collections.abc import Iterator, Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import run_plots
from gr_jax.evaluation.report.numbers import plain_number
from gr_jax.evaluation.report.page import Cell, Row, Section, Table
from gr_jax.evaluation.report.svg import plain
from gr_jax.progress_bar import spoken_time
from gr_jax.training import stopping


def semantic_ids(
  quality: Sequence[dict], level_sizes: Sequence[int], items: Sequence[int]
) -> Section:
  """Use of the codebooks, and how many IDs name one item, two, and so on."""
  figures, notes = [], []
  # The table below says as much of one level as a single bar.
  if quality and len(level_sizes) > 1:
    figures.append(run_plots.codebook_use(quality, level_sizes))
  if sum(map(bool, items)) > 1:
    figures.append(run_plots.items_per_id(items))
  elif items:
    notes.append(
      f"Each of the {sum(items):,} IDs names "
      f"{'one item' if len(items) == 1 else f'{len(items):,} items'}."
    )
  tables = [by_level(quality)] if quality else []
  return Section("Semantic IDs", figures=figures, tables=tables, notes=notes)


def stages(
  seconds: Mapping[str, float],
  commits: Mapping[str, str],
  settings: Mapping[str, Mapping],
  made: Mapping[str, str] | None = None,
) -> Section:
  """Time and commit of every stage, and what made them.

  Args:
    seconds: by stage.
    commits: by stage.
    settings: lists of terms, folded.
    made: the command, the machine and so on, as `origin_terms`.
  """
  rows = [
    Row([Cell(name), Cell(spoken_time(seconds[name])), Cell(commit)])
    for name, commit in commits.items()
  ]
  return Section(
    "The run",
    figures=[run_plots.stage_seconds(seconds)] if len(seconds) > 1 else [],
    tables=[Table(["stage", "made in", "commit"], rows)] if rows else [],
    terms=list((made or {}).items()),
    folds=[
      Section(name.capitalize(), terms=list(terms(values)))
      for name, values in settings.items()
    ],
  )


def origin_terms(report: Mapping) -> dict[str, str]:
  """The command, the commit, the machine and the seeds of a run.

  Args:
    report: may have `origin` (`provenance.origin`) and `config`.
  """
  origin = report.get("origin", {})
  found = {
    name: origin[name] for name in ("command", "commit", "machine")
    if origin.get(name)
  }  # fmt: skip
  seeds: dict[str, list[str]] = {}
  for name, value in terms(report.get("config", {})):
    if name.rpartition(".")[2].endswith("seed"):
      seeds.setdefault(value, []).append(name)
  if len(seeds) == 1:
    found["seeds"] = f"{next(iter(seeds))}, all of them"
  elif seeds:
    parts = [f"{', '.join(names)}: {seed}" for seed, names in seeds.items()]
    found["seeds"] = "; ".join(parts)
  return found


def training_notes(report: Mapping) -> list[str]:
  """How training ended, and its sizes, in a sentence each."""
  notes = []
  if text := report.get("kept_before"):
    notes.append(f"{text[0].upper()}{text[1:]}.")
  if outcome := report.get("outcome"):
    text = stopping.Outcome(**outcome).sentence()
    notes.append(f"{text[0].upper()}{text[1:]}.")
  if shares := report.get("network_share"):
    notes.append(_network_share(shares))
  if found := report.get("sizes"):
    text = found["sentence"]
    notes.append(f"{text[0].upper()}{text[1:]}.")
  return notes


def _network_share(rows: Sequence[dict]) -> str:
  """One sentence: how much of the network each kind of requests uses."""
  said = []
  for chosen in (row for row in rows if row["chosen"]):
    tried = [row for row in rows if row["requests"] == chosen["requests"]]
    without = min(tried, key=lambda row: row["share"])
    said.append(
      f"{plain(chosen['requests'])} {chosen['share']:g} (recall@10 "
      f"{chosen['value']:.3f}; without it {without['value']:.3f})"
    )
  return (
    "The share of the network that is used beside its candidates, chosen on "
    f"validation: {', '.join(said)}."
  )


def second_look(rows: Sequence[dict]) -> list[Table]:
  """Recall@10 of all systems on validation requests, the best first."""
  if not rows:
    return []
  columns = [
    (kind, seen)
    for kind in tidy.kinds(rows)
    for seen in ("kept", "out")
    if tidy.select(rows, requests=kind, seen=seen)
  ]
  figures = {
    (row["system"], row["requests"], row["seen"]): row["value"] for row in rows
  }
  systems = sorted(
    dict.fromkeys(row["system"] for row in rows),
    key=lambda name: (
      -max(figures.get((name, *column), 0.0) for column in columns)
    ),
  )
  models = {row["system"] for row in rows if row["role"] == tidy.MODEL}
  lines = []
  for name in systems:
    values = (figures.get((name, *column)) for column in columns)
    cells = [Cell("" if v is None else f"{v:.4f}") for v in values]
    tone = "model" if name in models else ""
    lines.append(Row([Cell(name), *cells], tone))
  head = [
    plain(kind) + (", seen out" if seen == "out" else "")
    for kind, seen in columns
  ]
  return [Table(["recall@10 on validation", *head], lines)]


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
    (row["metric"], row["level"]): plain_number(row["value"]) for row in rows
  }
  lines = []
  for metric in dict.fromkeys(row["metric"] for row in rows):
    cells = [Cell(figures.get((metric, level), "")) for level in levels]
    lines.append(Row([Cell(plain(metric)), *cells]))
  names = [f"level {level}" if level else "whole ID" for level in levels]
  return Table(["figure", *names], lines)


def terms(values: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
  """Names and values; those of a nested mapping have a dotted name."""
  for name, value in values.items():
    if isinstance(value, Mapping):
      yield from terms(value, f"{prefix}{name}.")
    else:
      text = plain_number(value, 6) if isinstance(value, float) else str(value)
      yield f"{prefix}{name}", text
