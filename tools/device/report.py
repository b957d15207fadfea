"""Figures as a page: bars, a table for each check, and what was left out."""

from collections.abc import Sequence
from typing import Any

from tools.device.bars import Rows, Verdict

_TITLES = {
  "machine": "The machine",
  "search": "Search at the deployment's shape",
  "wider search": "Search with other beams",
  "unstacked search": "Search with layers that stand apart",
  "training": "Training",
  "kernels": "Attention against the plain form",
  "equality": "A tiny run against the CPU",
  "tokenizers": "Tokenizers",
}


def page(
  rows: Rows, bars: Sequence[Verdict], programs: dict, meta: dict
) -> str:
  """The whole page in Markdown.

  Args:
    rows: all rows of the workers.
    bars: the verdicts.
    programs: bytes and seconds by name.
    meta: `kind`, `form`, `seconds` of the whole call.
  """
  parts = [
    f"# Device check: {meta['kind']}",
    f"`python tools/check_device.py`, {meta['form']} form, "
    f"{meta['seconds']:.0f} s in all.",
    "## Bars",
    _bars(bars)
    if meta["form"] == "full"
    else "The small form shows that every check runs; bars are for the full "
    "form on an accelerator.",
  ]
  for check, title in _TITLES.items():
    parts += _section(rows, check, title)
  if programs:
    parts += ["## Programs", _programs(programs)]
  return "\n\n".join(parts) + "\n"


def _section(rows: Rows, check: str, title: str) -> list[str]:
  mine = [row for row in rows if row["check"] == check]
  if not mine:
    return []
  notes = [
    f"- {row.get('by', '')}{key}: {row[key]}"
    for row in mine
    for key in ("skipped", "error")
    if key in row
  ]
  figures = [row for row in mine if "metric" in row and not _program(row)]
  found = [f"## {title}"]
  if figures:
    found.append(_pivot(figures))
  if notes:
    found.append("\n".join(notes))
  return found


def _program(row: dict[str, Any]) -> bool:
  return row["metric"].startswith("program_")


def _pivot(figures: Rows) -> str:
  """A line for each thing and side, a column for each metric."""
  metrics = list(dict.fromkeys(row["metric"] for row in figures))
  if len({(row["what"], row["side"]) for row in figures}) == 1:
    lines = [[row["metric"], shown(row["value"])] for row in figures]
    return table(["what", "value"], lines)
  cells: dict[tuple[str, str], dict[str, str]] = {}
  for row in figures:
    line = cells.setdefault((row["what"], row["side"]), {})
    line[row["metric"]] = shown(row["value"])
  sides = list(dict.fromkeys(row["side"] for row in figures))
  whats = list(dict.fromkeys(what for what, _ in cells))
  lines = [
    [what, side, *(cells[what, side].get(metric, "") for metric in metrics)]
    for what in whats
    for side in sides
    if (what, side) in cells
  ]
  return table(["what", "side", *metrics], lines)


def _bars(bars: Sequence[Verdict]) -> str:
  words = {True: "met", False: "MISSED", None: "not measured"}
  lines = [
    [bar.claim, "" if bar.value is None else shown(bar.value), words[bar.met]]
    for bar in bars
  ]
  return table(["bar", "measured", ""], lines)


def _programs(programs: dict[str, dict[str, float]]) -> str:
  lines = [
    [
      name,
      f"{one['bytes'] / 2**30:.3g}",
      f"{1e3 * one['seconds']:.3g}",
      f"{1e3 * one['least_seconds']:.3g}" if "least_seconds" in one else "",
    ]
    for name, one in programs.items()
  ]
  return table(["program", "GiB planned", "ms", "ms at the peaks"], lines)


def shown(value: Any) -> str:
  """A figure in four digits, large ones with commas, others as they are."""
  if isinstance(value, bool) or not isinstance(value, int | float):
    return str(value)
  if isinstance(value, int) or abs(value) >= 1000:
    return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3g}"
  return f"{value:.4g}"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
  """A Markdown table."""
  rule = ["---"] * len(heads)
  return "\n".join(
    "| " + " | ".join(line) + " |" for line in (heads, rule, *lines)
  )
