"""Tables of how systems rank."""

from collections.abc import Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import verdicts
from gr_jax.evaluation.report.page import Cell, Row, Table
from gr_jax.evaluation.report.svg import plain


def against_model(
  rows: Sequence[dict],
  *,
  metric: str,
  k: int,
  fallback: Mapping[str, float] | None = None,
) -> Table:
  """One metric of all systems, and the paired difference of the model to each.

  Args:
    rows: results of one kind of requests, one level, one treatment of seen
      items and the segment "all". The best figure is marked.
    metric: the name of the metric.
    k: its cutoff.
    fallback: the share of requests that a system ranks as `popularity` does.
  """
  rows = tidy.select(rows, metric=metric, k=k)
  roles = {row["role"]: row["system"] for row in reversed(rows)}
  model = roles.get(tidy.MODEL)
  shares = {name: share for name, share in (fallback or {}).items() if share}
  kind = f"{plain(rows[0]['requests'])}, {rows[0]['n']:,} requests"
  head = [kind, f"{metric}@{k}"]
  head += [f"{model} minus it", f"{model} is"] if model else []
  head += ["as popularity"] if shares else []
  best = max(row["value"] for row in rows)
  lines = []
  for row in sorted(rows, key=lambda row: -row["value"]):
    share = shares.get(row["system"])
    cells = [Cell(row["system"]), _figure(row, best)]
    cells += _difference(row) if model else []
    cells += [Cell(f"{share:.1%}" if share else "")] if shares else []
    lines.append(Row(cells, row["role"]))
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


def settings(choices: Sequence[dict]) -> Table:
  """Recall@10 on validation of every setting of a baseline."""
  lines = []
  for row in choices:
    figure = _figure(row, row["value"] if row["chosen"] else -1)
    names = (row["system"], plain(row["requests"]), row["setting"])
    chosen = "chosen" if row["chosen"] else ""
    lines.append(Row([*map(Cell, names), figure, Cell(chosen)]))
  head = ["baseline", "requests", "setting", "recall@10, validation", ""]
  return Table(head, lines)


def _figure(row: Mapping, best: float) -> Cell:
  interval = f"{row['low']:.4f} to {row['high']:.4f}"
  tone = "best" if row["value"] == best else ""
  return Cell(f"{row['value']:.4f}", interval, tone)


def _difference(row: Mapping) -> list[Cell]:
  """The paired difference, and its verdict."""
  if row["difference"] is None:
    return [Cell(""), Cell("")]
  interval = f"{row['difference_low']:+.4f} to {row['difference_high']:+.4f}"
  word = verdicts.verdict(row)
  return [
    Cell(f"{row['difference']:+.4f}", interval),
    Cell(word, tone="" if word == verdicts.LEVEL else word),
  ]
