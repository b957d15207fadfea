"""The account of an import, for people and for the manifest."""

import dataclasses
from collections.abc import Collection

import polars as pl

from gr_jax.data.imports.build_requests import Built
from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.requests import (
  CLICKED,
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  VALID,
)

_MISSING_ITEM_COLUMNS = {
  "category": "the category level of cq_sid is learned like the others, and "
  "category figures are off",
}
_MISSING_EVENT_COLUMNS = {
  "time": "rows are taken in file order per user, and each user's last request "
  "is the test, the one before it the validation, instead of the last weeks",
  "event": "every event counts as an order, and exposures are off",
  "query": "semantic and personalised requests are off, only next-basket "
  "requests remain",
}
_KIND_NAMES = {EXPOSED: "exposure", CLICKED: "click", ORDERED: "order"}
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
      *missing_column_notes(items.frame.columns, events.frame.columns),
      *event_type_note(events.frame),
      *order_note(events.frame),
      *page_notes(built.first_pages, built.unused_exposures),
    ),
    rejects_file="",
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


def missing_column_notes(
  items: Collection[str], events: Collection[str]
) -> list[str]:
  """Writes a line for every optional column that neither file has."""
  notes = [
    f"no '{name}' column: {effect}."
    for present, effects in (
      (items, _MISSING_ITEM_COLUMNS),
      (events, _MISSING_EVENT_COLUMNS),
    )
    for name, effect in effects.items()
    if name not in present
  ]
  if "value" not in items and "value" not in events:
    notes.append("no 'value' column: value-weighted figures are off.")
  return notes


def event_type_note(events: pl.DataFrame) -> list[str]:
  """Says how the file's event types were read."""
  if "event" not in events.columns:
    return []
  types = events.group_by(pl.col("event").str.to_lowercase(), "kind").len()
  read = ", ".join(
    f"{name} = {_KIND_NAMES[kind]} ({n:,})"
    for name, kind, n in types.sort("len", "event", descending=True).rows()
  )
  return [f"event types: {read}."]


def order_note(events: pl.DataFrame) -> list[str]:
  """Counts the events that come after a later one of their user."""
  if "seconds" not in events.columns:
    return []
  seconds, nanoseconds = pl.col("seconds"), pl.col("nanoseconds")
  latest = seconds.cum_max().over("user_id")
  within = nanoseconds.cum_max().over("user_id", "seconds")
  late = events.filter(
    (seconds < latest) | ((seconds == latest) & (nanoseconds < within))
  )
  if not late.height:
    return []
  return [
    f"unsorted times: {late.height:,} events come after a later event of "
    f"their user (first in row {late['row'][0]}); sorted by time."
  ]


def page_notes(first_pages: int, unused_exposures: int) -> list[str]:
  """Counts the pages that are not requests."""
  notes = []
  if first_pages:
    notes.append(
      f"{first_pages:,} pages have neither a query nor an earlier event of "
      "their user: they are history, not requests."
    )
  if unused_exposures:
    notes.append(
      f"{unused_exposures:,} exposures are on pages without a click or an "
      "order: they belong to no request."
    )
  return notes
