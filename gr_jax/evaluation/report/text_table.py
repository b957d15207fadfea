"""Tables as text: Markdown for pages, aligned columns for a terminal.

Both take rows of cells, of which the first is the head.
"""

from collections.abc import Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import verdicts

HEADLINE = (("recall", 10), ("ndcg", 10))
# Where people graded the pages.
GRADED = (("graded_ndcg", 10),)


def markdown(rows: Sequence[Sequence[str]]) -> str:
  """A Markdown table whose columns also line up as plain text."""
  rows = [[cell.replace("|", r"\|") for cell in row] for row in rows]
  widths = _widths(rows)
  lines = [
    "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |"
    for row in rows
  ]
  lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
  return "\n".join(lines)


def terminal(rows: Sequence[Sequence[str]]) -> str:
  """A ruled head and aligned columns: names to the left, figures to the right.

  Every line is as wide as the table.
  """
  widths = _widths(rows)
  lines = [
    "  ".join(
      [row[0].ljust(widths[0])]
      + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]
    )
    for row in rows
  ]
  lines.insert(1, "-" * len(lines[0]))
  return "\n".join(lines)


def headline(results: Sequence[dict], *, level: str = "item") -> str:
  """Recall@10 and NDCG@10 of every system, one block per kind of requests.

  Systems stand from best to worst recall; the brackets hold the 95 % interval.
  The last column is the paired difference of the model to each in recall@10.

  Args:
    results: rows of one treatment of seen items (`verdicts.shown`).
    level: "item" or "id".
  """
  rows = tidy.select(results, level=level, segment="all")
  blocks = [
    _block(kind, tidy.select(rows, requests=kind)) for kind in tidy.kinds(rows)
  ]
  return "\n\n".join(blocks)


def _block(kind: str, rows: Sequence[dict]) -> str:
  shown = HEADLINE
  if tidy.select(rows, metric=GRADED[0][0]):
    shown += GRADED
  columns = [tidy.select(rows, metric=name, k=k) for name, k in shown]
  by_system = [{row["system"]: row for row in column} for column in columns]
  n = max((row["n"] for row in rows), default=0)
  head = [f"{kind} ({n:,} requests)", *[f"{name}@{k}" for name, k in shown]]
  lines = [
    [name, *[_figure(column.get(name)) for column in by_system]]
    for name in tidy.from_best(columns[0])
  ]
  models = tidy.select(rows, role=tidy.MODEL)
  if models:
    head.append(f"{models[0]['system']} minus it")
    for line in lines:
      line.append(_difference(by_system[0][line[0]]))
  return terminal([head, *lines])


def _figure(row: dict | None) -> str:
  if row is None:
    return "-"
  return f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"


def _difference(row: dict) -> str:
  return "-" if row["difference"] is None else verdicts.difference(row, 4)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
  lengths = {len(row) for row in rows}
  if len(lengths) != 1:
    raise ValueError(
      f"rows of {sorted(lengths)} cells: give one row or more, all as long as "
      "the head."
    )
  return [max(map(len, column)) for column in zip(*rows)]
