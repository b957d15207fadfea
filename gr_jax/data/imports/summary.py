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


def event_notes(events: pl.DataFrame) -> tuple[tuple[str, ...], str]:
  """Says how checked events were read, and their first and last time."""
  notes = (
    *event_type_note(events),
    *split_notes(events),
    *time_note(events),
    *order_note(events),
    *place_notes(events),
  )
  return notes, time_range(events)


def summarize(
  items: CheckedTable,
  events: CheckedTable,
  num_events: int,
  account: tuple[tuple[str, ...], str],
  rejects: pl.DataFrame,
  built: Built,
) -> ImportSummary:
  """Counts what was kept and rejected, and says what was assumed.

  Args:
    items: The checked items.
    events: The checked events, which may be gone from their frame.
    num_events: The number of checked events.
    account: What `event_notes` says of them.
    rejects: The rejected rows of both.
    built: The requests.
  """
  requests = built.requests
  counts = {
    "items": items.frame.height,
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
    files=(
      (items.file, items.rows_read, items.frame.height),
      (events.file, events.rows_read, num_events),
    ),
    counts=counts,
    rejected=count_rejects(rejects),
    notes=(
      *items.notes,
      *events.notes,
      *missing_column_notes(items.frame.columns, events.frame.columns),
      *field_note(items.frame.columns),
      *account[0],
      *visit_note(*training_visits(requests)),
      *page_notes(
        built.first_pages, built.unused_exposures, built.held_out_first
      ),
    ),
    rejects_file="",
    times=account[1],
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
