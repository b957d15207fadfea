"""What an import read, kept and left out, for people and for the manifest."""

import dataclasses

import polars as pl

_SHOWN_ROWS = 5


@dataclasses.dataclass(frozen=True)
class ImportSummary:
  """The outcome of an import; `str` is the page for a terminal.

  Attributes:
    files: (file, rows read, rows kept) of items and events.
    counts: "items", "users", "events", "requests", and the requests by split
      ("train", "valid", "test") and kind ("search", "next_basket").
    rejected: (file, reason, rows, first row numbers) of everything in the
      rejects file.
    notes: what is switched off and what was assumed, a line each.
    rejects_file: where every rejected row is listed, "" if there is none.
  """

  files: tuple[tuple[str, int, int], ...]
  counts: dict[str, int]
  rejected: tuple[tuple[str, str, int, tuple[int, ...]], ...]
  notes: tuple[str, ...]
  rejects_file: str

  def __str__(self) -> str:
    counts = {name: f"{count:,}" for name, count in self.counts.items()}
    lines = [
      f"{file}: {read:,} rows read, {kept:,} kept"
      for file, read, kept in self.files
    ]
    lines.append(
      "{items} items, {users} users, {events} clicks and orders, {requests} "
      "requests: {train} train, {valid} valid, {test} test; {search} search, "
      "{next_basket} next-basket".format(**counts)
    )
    if self.rejected:
      lines.append(
        "Left out (a row is a line of a CSV or JSONL file, a row of a Parquet "
        f"file; all are in {self.rejects_file}):"
      )
      lines += [_rejected_line(*entry) for entry in self.rejected]
    if self.notes:
      lines.append("Notes:")
      lines += [f"  {note}" for note in self.notes]
    return "\n".join(lines)


def count_rejects(
  rejects: pl.DataFrame,
) -> tuple[tuple[str, str, int, tuple[int, ...]], ...]:
  """(file, reason, rows, first row numbers) in the order of the checks."""
  groups = rejects.group_by("file", "reason", maintain_order=True).agg(
    n=pl.len(), first=pl.col("row").sort().head(_SHOWN_ROWS)
  )
  return tuple(
    (file, reason, n, tuple(first)) for file, reason, n, first in groups.rows()
  )


def _rejected_line(
  file: str, reason: str, n: int, first: tuple[int, ...]
) -> str:
  rows = ", ".join(str(row) for row in first)
  more = ", ..." if n > len(first) else ""
  return f"  {file}: {n:,} x {reason} (row {rows}{more})"
