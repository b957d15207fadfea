"""The account of an import, for people and for the manifest."""

import dataclasses

import polars as pl

from gr_jax.data.chosen_together import training_visits
from gr_jax.data.imports.build_requests import Built
from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.notes import (
  event_type_note,
  field_note,
  missing_column_notes,
  order_note,
  page_notes,
  place_notes,
  split_notes,
  time_note,
  time_range,
  visit_note,
)
from gr_jax.data.requests import TEST, TRAIN, VALID

_SHOWN_ROWS = 5


@dataclasses.dataclass(frozen=True)
class ImportSummary:
  """The outcome of an import; `str` is the page for a terminal.

  Attributes:
    files: Name, rows read and rows kept of the items' and the events' file.
    counts: The numbers of "items", "users", "events" and "requests", and of
      requests by split ("train", "valid", "test") and kind ("search",
      "next_basket").
    rejected: File, reason, number and first row numbers of all rejected rows.
    notes: A line for all that is switched off and that was assumed.
    rejects_file: The list of all rejected rows, "" if there is none.
    times: The first and last time, "" without times.
  """

  files: tuple[tuple[str, int, int], ...]
  counts: dict[str, int]
  rejected: tuple[tuple[str, str, int, tuple[int, ...]], ...]
  notes: tuple[str, ...]
  rejects_file: str
  times: str = ""

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
    if self.times:
      lines.append(self.times)
    if self.rejected:
      lines.append(
        "Left out (a row is a line of a CSV or JSONL file, a row of a Parquet "
        f"file; all are in {self.rejects_file}):"
      )
    for file, reason, n, first in self.rejected:
      rows = ", ".join(map(str, first)) + (", ..." if n > len(first) else "")
      lines.append(f"  {file}: {n:,} x {reason} (row {rows})")
    if self.notes:
      lines.append("Notes:")
      lines += [f"  {note}" for note in self.notes]
    return "\n".join(lines)


def summarize(
  items: CheckedTable,
  events: CheckedTable,
  rejects: pl.DataFrame,
  built: Built,
  num_items: int,
) -> ImportSummary:
  """Counts what was kept and rejected, and says what was assumed.

  Args:
    items: The checked items.
    events: The checked events.
    rejects: The rejected rows of both.
    built: The requests.
    num_items: The number of items in the catalogue.
  """
  requests = built.requests
  counts = {
    "items": num_items,
    "users": len(requests.user_ids),
    "events": len(requests.event_item),
    "requests": len(requests),
    "train": int((requests.split == TRAIN).sum()),
    "valid": int((requests.split == VALID).sum()),
    "test": int((requests.split == TEST).sum()),
    "search": int((requests.query >= 0).sum()),
    "next_basket": int((requests.query < 0).sum()),
  }
  return ImportSummary(
    files=tuple((t.file, t.rows_read, t.frame.height) for t in (items, events)),
    counts=counts,
    rejected=count_rejects(rejects),
    notes=(
      *items.notes,
      *events.notes,
      *missing_column_notes(items.frame.columns, events.frame.columns),
      *field_note(items.frame.columns),
      *event_type_note(events.frame),
      *split_notes(events.frame),
      *time_note(events.frame),
      *order_note(events.frame),
      *place_notes(events.frame),
      *visit_note(*training_visits(requests)),
      *page_notes(
        built.first_pages, built.unused_exposures, built.held_out_first
      ),
    ),
    rejects_file="",
    times=time_range(events.frame),
  )


def count_rejects(
  rejects: pl.DataFrame,
) -> tuple[tuple[str, str, int, tuple[int, ...]], ...]:
  """Counts rejects: (file, reason, rows, first row numbers) in their order."""
  groups = rejects.group_by("file", "reason", maintain_order=True).agg(
    n=pl.len(), first=pl.col("row").sort().head(_SHOWN_ROWS)
  )
  return tuple(
    (file, reason, n, tuple(first)) for file, reason, n, first in groups.rows()
  )
