"""What an import has to say that is not the rejection of a row."""

from collections.abc import Collection

import polars as pl

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED

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


def missing_column_notes(
  items: Collection[str], events: Collection[str]
) -> list[str]:
  """A line for every optional column that neither file has."""
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
  """How the file's event types were read."""
  if "event" not in events.columns:
    return []
  types = events.group_by(pl.col("event").str.to_lowercase(), "kind").len()
  read = ", ".join(
    f"{name} = {_KIND_NAMES[kind]} ({n:,})"
    for name, kind, n in types.sort("len", "event", descending=True).rows()
  )
  return [f"event types: {read}."]


def order_note(events: pl.DataFrame) -> list[str]:
  """How many events the file has after a later one of the same user."""
  if "seconds" not in events.columns:
    return []
  latest = pl.col("seconds").cum_max().over("user_id")
  late = events.filter(pl.col("seconds") < latest)
  if not late.height:
    return []
  return [
    f"unsorted times: {late.height:,} events come after a later event of "
    f"their user (first in row {late['row'][0]}); sorted by time."
  ]


def page_notes(first_pages: int, unused_exposures: int) -> list[str]:
  """What became of pages that are not requests."""
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
