"""Tables of how systems rank."""

from collections.abc import Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report.page import Cell, Row, Table
from gr_jax.evaluation.report.svg import plain


def by_system(rows: Sequence[dict], *, metric: str, k: int) -> Table:
  """Systems against kinds of requests: one metric with its intervals.

  Args:
    rows: results of one level, one treatment of seen items and all segments
      "all". The best figure of a column is marked.
    metric: the name of the metric.
    k: its cutoff.
  """
  rows = tidy.select(rows, metric=metric, k=k)
  columns = {
    kind: tidy.select(rows, requests=kind) for kind in tidy.kinds(rows)
  }
  best = {
    kind: max(row["value"] for row in column)
    for kind, column in columns.items()
  }
  lines = []
  for system in tidy.from_best(rows):
    own = tidy.select(rows, system=system)
    figures = {row["requests"]: row for row in own}
    cells = [_cell(figures.get(kind), best[kind]) for kind in columns]
    lines.append(Row([Cell(system), *cells], own[0]["role"]))
  head = ["system", *[f"{plain(kind)} {metric}@{k}" for kind in columns]]
  return Table(head, lines)


def every_cutoff(rows: Sequence[dict]) -> Table:
  """All metrics and cutoffs of one kind of requests, without intervals."""
  cutoffs = sorted({row["k"] for row in rows})
  figures = {
    (row["system"], row["metric"], row["k"]): f"{row['value']:.4f}"
    for row in rows
  }
  lines = []
  for system, metric in dict.fromkeys((r["system"], r["metric"]) for r in rows):
    cells = [Cell(figures.get((system, metric, k), "")) for k in cutoffs]
    lines.append(Row([Cell(f"{system} {metric}"), *cells]))
  return Table(["system and metric", *[f"@{k}" for k in cutoffs]], lines)


def _cell(row: Mapping | None, best: float) -> Cell:
  if row is None:
    return Cell("n/a", tone="absent")
  interval = f"{row['low']:.4f} to {row['high']:.4f}"
  tone = "best" if row["value"] == best else ""
  return Cell(f"{row['value']:.4f}", interval, tone)
