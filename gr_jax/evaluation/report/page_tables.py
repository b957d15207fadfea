"""Tables of `report.html`."""

from collections.abc import Mapping, Sequence
from html import escape

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import svg


def headline(rows: Sequence[dict], *, metric: str, k: int) -> str:
  """Systems against kinds of requests: one metric with its intervals.

  Args:
    rows: results of one level, one treatment of seen items and all segments
      "all". The best figure of a column is marked.
    metric: which metric.
    k: at which cutoff.
  """
  rows = tidy.select(rows, metric=metric, k=k)
  kinds = list(dict.fromkeys(row["requests"] for row in rows))
  cells = {(row["system"], row["requests"]): row for row in rows}
  best = {
    kind: max(r["value"] for r in tidy.select(rows, requests=kind))
    for kind in kinds
  }
  head = ["system", *[f"{svg.plain(kind)} {metric}@{k}" for kind in kinds]]
  lines = []
  for system in _from_best(rows):
    tone = "baseline" if system in tidy.BASELINES else "model"
    line = [f"<td>{escape(system)}</td>"]
    for kind in kinds:
      line.append(_cell(cells.get((system, kind)), best[kind]))
    lines.append(f'<tr class="{tone}">{"".join(line)}</tr>')
  return _table(head, lines)


def every_cutoff(rows: Sequence[dict]) -> str:
  """All metrics and cutoffs of one kind of requests, without intervals."""
  cutoffs = sorted({row["k"] for row in rows})
  figures = {
    (row["system"], row["metric"], row["k"]): row["value"] for row in rows
  }
  names = dict.fromkeys((row["system"], row["metric"]) for row in rows)
  lines = []
  for system, metric in names:
    line = [f"<td>{escape(f'{system} {metric}')}</td>"]
    for k in cutoffs:
      value = figures.get((system, metric, k))
      line.append("<td></td>" if value is None else f"<td>{value:.4f}</td>")
    lines.append(f"<tr>{''.join(line)}</tr>")
  return _table(["system and metric", *[f"@{k}" for k in cutoffs]], lines)


def by_level(rows: Sequence[dict]) -> str:
  """Tokenizer quality: metrics against levels, level 0 being the whole ID."""
  levels = sorted({row["level"] for row in rows})
  figures = {(row["metric"], row["level"]): row["value"] for row in rows}
  lines = []
  for metric in dict.fromkeys(row["metric"] for row in rows):
    line = [f"<td>{escape(svg.plain(metric))}</td>"]
    for level in levels:
      value = figures.get((metric, level))
      line.append("<td></td>" if value is None else f"<td>{value:,.4g}</td>")
    lines.append(f"<tr>{''.join(line)}</tr>")
  names = [f"level {level}" if level else "whole ID" for level in levels]
  return _table(["figure", *names], lines)


def pairs(values: Mapping) -> str:
  """Names and values, nested ones with a dotted name, as a list of terms."""
  terms = "".join(
    f"<dt>{escape(name)}</dt><dd>{escape(_figure(value))}</dd>"
    for name, value in _flat(values)
  )
  return f"<dl>{terms}</dl>"


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
  names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
  return (
    f'<div class="scroll"><table><thead><tr>{names}</tr></thead>'
    f"<tbody>{''.join(lines)}</tbody></table></div>"
  )


def _from_best(rows: Sequence[dict]) -> list[str]:
  best = {}
  for row in rows:
    best[row["system"]] = max(row["value"], best.get(row["system"], 0))
  return sorted(best, key=lambda system: -best[system])


def _cell(row: dict | None, best: float) -> str:
  if row is None:
    return '<td class="unit" title="does not apply">n/a</td>'
  mark = ' class="best"' if row["value"] == best else ""
  interval = f"{row['low']:.4f} to {row['high']:.4f}"
  return f"<td{mark}>{row['value']:.4f}<small>{interval}</small></td>"


def _flat(values: Mapping, prefix: str = ""):
  for name, value in values.items():
    if isinstance(value, Mapping):
      yield from _flat(value, f"{prefix}{name}.")
    else:
      yield f"{prefix}{name}", value


def _figure(value) -> str:
  return f"{value:.6g}" if isinstance(value, float) else str(value)
