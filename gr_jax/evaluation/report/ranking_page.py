"""The page of a ranker: NE, AUC and GAUC beside counted baselines."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from gr_jax.evaluation.report import run_sections
from gr_jax.evaluation.report.page import (
  Cell,
  Row,
  Section,
  Table,
  Tile,
  page,
)
from gr_jax.progress_bar import spoken_time

_HOW_TO_READ = Section(
  "How to read this",
  notes=[
    Markup(
      "<b>NE</b>, normalized entropy, is the log loss over that of the base "
      "rate: 1 knows nothing but the share of positive labels, less is better. "
      "<b>AUC</b> is the share of pairs of a positive and another item that "
      "are in the right order, <b>GAUC</b> the same within each request. "
      "Intervals (95 %) draw users; differences are paired."
    )
  ],
  open=True,
)


def ranking_page(report: Mapping) -> str:
  """The report as HTML.

  Args:
    report: `results` (rows of `experiments.ranking.evaluate`), `system`,
      `seconds`, `commits`, `config`, `notes`.
  """
  results = report["results"]
  tasks = list(dict.fromkeys(row["task"] for row in results))
  return page(
    f"{report['system']} ranks",
    f"{headline(results, report['system'])} The run took "
    f"{spoken_time(sum(report['seconds'].values()))}.",
    [
      Section(tiles=[_tile(results, report["system"], t) for t in tasks]),
      *(
        Section(f"Task: {task}", tables=[_table(results, task, "all")])
        for task in tasks
      ),
      *(
        Section(
          f"Task {task}, by the length of the history",
          tables=[_by_length(results, task)],
        )
        for task in tasks
      ),
      Section("Training", notes=list(report["notes"])),
      _HOW_TO_READ,
      run_sections.stages(
        report["seconds"], report["commits"], _settings(report["config"])
      ),
    ],
  )  # fmt: skip


def headline(results: Sequence[Mapping], system: str) -> str:
  """One sentence a task: the NE, and the best of the others."""
  sentences = []
  for task in dict.fromkeys(row["task"] for row in results):
    rows = _of(results, task, "all", "ne")
    own = rows[system]
    others = [row for name, row in rows.items() if name != system]
    best = min(others, key=lambda row: row["value"])
    ends = f"[{best['difference_low']:+.4f}, {best['difference_high']:+.4f}]"
    sentences.append(
      f"{task}: NE {own['value']:.4f}, {best['difference']:+.4f} {ends} "
      f"beside {best['system']} ({best['value']:.4f})."
    )
  return " ".join(sentences)


def text_rows(results: Sequence[Mapping], task: str) -> list[list[str]]:
  """The figures of a task over all histories, for a terminal."""
  found = [["system", "NE", "AUC", "GAUC"]]
  for system, row in _of(results, task, "all", "ne").items():
    others = (
      _of(results, task, "all", metric).get(system)
      for metric in ("auc", "gauc")
    )
    found.append([system, *map(_with_ends, (row, *others))])
  return found


def _with_ends(row: Mapping | None) -> str:
  if row is None:
    return "-"
  return f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"


def _of(
  results: Sequence[Mapping], task: str, segment: str, metric: str
) -> dict[str, Mapping]:
  return {
    row["system"]: row
    for row in results
    if (row["task"], row["segment"], row["metric"]) == (task, segment, metric)
  }


def _tile(results: Sequence[Mapping], system: str, task: str) -> Tile:
  row = _of(results, task, "all", "ne")[system]
  lines = [
    f"{row['low']:.4f} to {row['high']:.4f}",
    f"{row['n']:,} items, {row['positives']:,} of them positive",
  ]
  return Tile(f"{task}, {system}, NE", f"{row['value']:.4f}", lines)


def _table(results: Sequence[Mapping], task: str, segment: str) -> Table:
  head, *rows = text_rows(results, task)
  differences = _of(results, task, segment, "ne")
  lines = []
  for cells in rows:
    row = differences[cells[0]]
    apart = ""
    if "difference" in row:
      apart = (
        f"{row['difference']:+.4f} [{row['difference_low']:+.4f}, "
        f"{row['difference_high']:+.4f}]"
      )
    lines.append(Row([*map(Cell, cells), Cell(apart)]))
  return Table([*head, "the model's NE minus it"], lines)


def _by_length(results: Sequence[Mapping], task: str) -> Table:
  segments = list(
    dict.fromkeys(row["segment"] for row in results if row["task"] == task)
  )
  systems = list(_of(results, task, "all", "ne"))
  rows = []
  for segment in segments:
    found = _of(results, task, segment, "ne")
    cells = [
      Cell(f"{found[s]['value']:.4f}" if s in found else "-") for s in systems
    ]
    first = next(iter(found.values()), None)
    count = f"{first['n']:,}" if first else ""
    rows.append(Row([Cell(segment), *cells, Cell(count)]))
  return Table(["NE", *systems, "items"], rows)


def _settings(config: Mapping) -> Mapping:
  return {
    name: part
    for name, part in config.items()
    if isinstance(part, Mapping) and name != "hosts"
  }
