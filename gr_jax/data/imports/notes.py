"""Lines of the summary: what an import assumed, and what is switched off."""

import datetime
from collections.abc import Collection, Sequence

import polars as pl

from gr_jax.data.imports.columns import FIELD_COLUMNS
from gr_jax.data.imports.words import as_text
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
  "event": "every event counts as an order, and exposures are off",
  "query": "semantic and personalised requests are off, only next-basket "
  "requests remain",
}
_KIND_NAMES = {EXPOSED: "exposure", CLICKED: "click", ORDERED: "order"}
_OLD = 631_152_000  # 1990-01-01 in unix seconds.
# The days of a spreadsheet from 1990 to 2064.
_SHEET_DAYS = (32_874, 60_000)
_VIEWS = ("view", "viewed", "views")
# Events of which the users are compared at once.
_BLOCK = 1 << 20
_SPLIT_NAMES = {TRAIN: "train", VALID: "valid", TEST: "test"}


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
  if "time" not in events:
    notes.append(f"no 'time' column: {_without_time(events)}.")
  if "value" not in items and "value" not in events:
    notes.append("no 'value' column: value-weighted figures are off.")
  return notes


def field_note(items: Collection[str]) -> list[str]:
  """Says what the columns of fields are for, where there are any."""
  names = [name for name in FIELD_COLUMNS if name in items]
  if not names:
    return []
  return [
    f"{', '.join(names)}: hashed into the last code by the tokenizer ua_sid, "
    "so that ads with the same text differ; nothing else reads them."
  ]


def _without_time(events: Collection[str]) -> str:
  if "order" in events:
    order = "the order column is the time, and a position its unit"
  elif "split" in events:
    order = "rows are taken in file order per user, training rows first"
  else:
    order = "rows are taken in file order per user"
  if "split" in events:
    return order
  return (
    f"{order}, and each user's last request is the test, the one before it the "
    "validation, instead of the last weeks"
  )


def event_type_note(events: pl.DataFrame) -> list[str]:
  """Says how the file's event types were read."""
  if "event" not in events.columns:
    return []
  words = as_text(events.group_by("event", "kind").len())
  lower = pl.col("event").str.to_lowercase()
  types = words.group_by(lower, "kind").agg(pl.col("len").sum())
  read = ", ".join(
    f"{name} = {_KIND_NAMES[kind]} ({n:,})"
    for name, kind, n in types.sort("len", "event", descending=True).rows()
  )
  notes = [f"event types: {read}."]
  viewed = types.filter(
    pl.col("event").is_in(_VIEWS) & (pl.col("kind") == EXPOSED)
  )
  if viewed.height and (types["kind"] > EXPOSED).any():
    name = viewed["event"][0]
    notes.append(
      f"{name} is an exposure, an item in a list; where it is the page of one "
      f"item, add --event_types={name}=click."
    )
  return notes


def time_range(events: pl.DataFrame) -> str:
  """Writes the first and the last time, and the days between; "" without."""
  if "seconds" not in events.columns or not events.height:
    return ""
  seconds = events["seconds"]
  ends = pl.Series([seconds.min(), seconds.max()])
  first, last = pl.from_epoch(ends, time_unit="s").dt.to_string(
    "%Y-%m-%d %H:%M:%S"
  )
  days = (ends[1] - ends[0]) / 86_400
  return f"times: {first} to {last} UTC, {days:,.1f} days"


def time_note(events: pl.DataFrame) -> list[str]:
  """Doubts times that are older than any log of a shop."""
  if "seconds" not in events.columns:
    return []
  old = int((events["seconds"] < _OLD).sum())
  if not old:
    return []
  if events["seconds"].is_between(*_SHEET_DAYS).all():
    first = events["seconds"][0]
    day = datetime.date(1899, 12, 30) + datetime.timedelta(days=first)
    return [
      f"all times look like days of a spreadsheet ({first} is {day}) and are "
      "read as unix seconds; write them as dates."
    ]
  return [
    f"{old:,} of {events.height:,} times are before 1990: numbers are read as "
    "unix time; one that counts something else is an order "
    "(--columns=order=...)."
  ]


def order_note(events: pl.DataFrame) -> list[str]:
  """Counts the events that come after a later one of their user."""
  if "seconds" not in events.columns:
    return []
  if events["seconds"].is_sorted() and not (events["nanoseconds"] > 0).any():
    return []  # As most long logs are: then so is each user.
  seconds, nanoseconds = pl.col("seconds"), pl.col("nanoseconds")
  latest = seconds.cum_max().over("user_id")
  within = nanoseconds.cum_max().over("user_id", "seconds")
  is_late = (seconds < latest) | ((seconds == latest) & (nanoseconds < within))
  late = _of_users(events, ("seconds", "nanoseconds"), is_late)
  if not late.len():
    return []
  return [
    f"unsorted times: {late.len():,} events come after a later event of "
    f"their user (first in row {late.min()}); sorted by time."
  ]


def split_notes(events: pl.DataFrame) -> list[str]:
  """Says how the file's splits were read, and whether its order holds."""
  if "part" not in events.columns:
    return []
  words = as_text(events.group_by("split", "part").len())
  lower = pl.col("split").str.to_lowercase()
  words = words.group_by(lower, "part").agg(pl.col("len").sum())
  read = ", ".join(
    f"{word} = {_SPLIT_NAMES[part]} ({n:,})"
    for word, part, n in words.sort("part", "split").rows()
  )
  notes = [f"the split is that of the file: {read} events."]
  if "seconds" not in events.columns and "place" not in events.columns:
    latest = pl.col("part").cum_max().over("user_id")
    late = _of_users(events, ("part",), pl.col("part") < latest)
    if late.len():
      notes.append(
        f"{late.len():,} rows come after a row of a later split of their user "
        f"(first in row {late.min()}); a user's training rows come first, "
        "then the validation, then the test."
      )
  return notes


def place_notes(events: pl.DataFrame) -> list[str]:
  """Counts events that share a place, or whose place and time disagree."""
  if "place" not in events.columns:
    return []
  if "seconds" not in events.columns:
    is_shared = pl.len().over("user_id", "place") > 1
    shared = _of_users(events, ("place",), is_shared)
    if not shared.len():
      return []
    return [
      f"{shared.len():,} events share their place in the order with another "
      f"of their user (first in row {shared.min()}): they are one page."
    ]
  latest = pl.col("place").cum_max().over("user_id")
  keys = ("seconds", "nanoseconds", "place")
  late = _of_users(events, keys, pl.col("place") < latest, by=keys)
  if not late.len():
    return []
  return [
    f"time and order disagree: {late.len():,} events are later than one of a "
    f"higher place of their user (first in row {late.min()}); sorted by "
    "time. Leave the time column out to sort by the order."
  ]


def _of_users(
  events: pl.DataFrame,
  columns: Sequence[str],
  where: pl.Expr,
  by: Sequence[str] = (),
) -> pl.Series:
  """The rows of events for which something is true among those of their user.

  Args:
    events: The events, in the order of their rows.
    columns: The columns that are read.
    where: Whether it is true of an event, over `user_id`.
    by: What a user's events are sorted by before; () for their rows.
  """
  # Numbers of words are compared as numbers, not as the words.
  user = events["user_id"]
  if isinstance(user.dtype, pl.Categorical):
    user = user.to_physical()
  events = events.select(user, "row", *columns)
  n = events.height // _BLOCK + 1
  # Codes of words, or hashes of text: one user's events stay together.
  block = (events["user_id"].hash() % n) if n > 1 else None
  found = []
  for i in range(n):
    some = events if block is None else events.filter(block == i)
    some = some.sort("user_id", *by) if by else some
    found.append(some.filter(where)["row"])
  return pl.concat(found)


def page_notes(
  first_pages: int, unused_exposures: int, held_out_first: int = 0
) -> list[str]:
  """Counts the pages that are not requests."""
  notes = []
  if first_pages:
    notes.append(
      f"{first_pages:,} pages have neither a query nor an earlier event of "
      "their user: they are history, not requests."
    )
  if held_out_first:
    notes.append(
      f"{held_out_first:,} of these are held out by the split: they are not "
      "asked for, and not learned."
    )
  if unused_exposures:
    notes.append(
      f"{unused_exposures:,} exposures are on pages without a click or an "
      "order: they belong to no request."
    )
  return notes


def visit_note(single: int, visits: int) -> list[str]:
  """Says whether users choose items one by one, and what follows from it.

  Args:
    single: The number of training visits that led to one item.
    visits: The number of all.
  """
  if single * 2 > visits:
    return [
      f"{single:,} of {visits:,} training visits led to one item: the config "
      "own_data reads what was chosen just before (history_window 5)."
    ]
  return [
    f"{visits - single:,} of {visits:,} training visits led to several items: "
    "baskets, of which the config own_data learns what goes together "
    "(history_window 0)."
  ]
