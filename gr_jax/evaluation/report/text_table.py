"""The headline figures as plain text for a terminal."""

from collections.abc import Sequence

from gr_jax.evaluation import results as tidy

HEADLINE = (("recall", 10), ("ndcg", 10))
# Where people graded the pages.
GRADED = (("graded_ndcg", 10),)


def table(
  results: Sequence[dict], *, level: str = "item", seen: str = "kept"
) -> str:
  """Recall@10 and NDCG@10 of every system, one block per kind of requests.

  Systems stand from best to worst recall; the brackets hold the 95 % interval.
  """
  rows = tidy.select(results, level=level, seen=seen, segment="all")
  kinds = dict.fromkeys(row["requests"] for row in rows)
  blocks = [_block(kind, tidy.select(rows, requests=kind)) for kind in kinds]
  return "\n\n".join(blocks)


def _block(kind: str, rows: Sequence[dict]) -> str:
  shown = HEADLINE
  if tidy.select(rows, metric=GRADED[0][0]):
    shown += GRADED
  columns = [tidy.select(rows, metric=name, k=k) for name, k in shown]
  by_system = [{row["system"]: row for row in column} for column in columns]
  names = [row["system"] for row in rows_by_value(columns[0])]
  lines = [
    [name, *[_figure(column.get(name)) for column in by_system]]
    for name in names
  ]
  n = max((row["n"] for row in rows), default=0)
  head = [f"{kind} ({n:,} requests)", *[f"{name}@{k}" for name, k in shown]]
  widths = [max(map(len, column)) for column in zip(head, *lines)]
  aligned = [
    "  ".join(
      [row[0].ljust(widths[0])]
      + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
    )
    for row in [head, *lines]
  ]
  aligned.insert(1, "-" * len(aligned[0]))
  return "\n".join(aligned)


def rows_by_value(rows: Sequence[dict]) -> list[dict]:
  """Best first; equal figures keep their order."""
  return sorted(rows, key=lambda row: -row["value"])


def _figure(row: dict | None) -> str:
  if row is None:
    return "-"
  return f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
