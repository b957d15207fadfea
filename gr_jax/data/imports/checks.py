"""Checks of items and events, and the fate of rows that fail them."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable, reject_rows
from gr_jax.data.imports.times import unix_seconds
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED

EVENT_KINDS = {"exposure": EXPOSED, "click": CLICKED, "order": ORDERED}
EVENT_TYPES = {
  "exposure": "exposure exposed impression view show display",
  "click": "click clicked cart add_to_cart addtocart basket",
  "order": "order ordered purchase purchased buy bought transaction sale",
}
_DAY = int(timedelta(days=1).total_seconds())


def check_items(table: CheckedTable) -> CheckedTable:
  """Keeps the first row of every id that has an id and a text.

  Adds `amount`, the value as a number: a value that is not a number >= 0 is
  listed and taken as unknown (null).
  """
  table = table.drop(pl.col("item_id").is_null(), "missing item id")
  table = table.drop(pl.col("text").is_null(), "missing item text")
  again = pl.col("item_id").is_first_distinct().not_()
  same = pl.col("text") == pl.col("text").first().over("item_id")
  table = table.drop(again & same, "duplicate item id, same text")
  again = pl.col("item_id").is_first_distinct().not_()
  table = table.drop(again, "duplicate item id, other text (the first is kept)")
  if "value" not in table.frame.columns:
    return table
  value = pl.col("value").cast(pl.Float64, strict=False)
  bad = pl.col("value").is_not_null() & ~_is_value(value)
  table = table.list(bad, "bad value (the row is kept, its value unknown)")
  return table.derive(pl.when(~bad).then(value).alias("amount"))


def check_events(
  table: CheckedTable,
  *,
  item_ids: pl.Series,
  event_types: Mapping[str, str],
  now: int,
) -> CheckedTable:
  """Keeps the events that name a known item, a user, a time and a type.

  Adds `item` (row of the catalogue), `kind` (EXPOSED, CLICKED, ORDERED;
  ORDERED without an event column), `seconds` (unix time) and `amount` (the
  value as a number), the last two where their columns are there. An event
  whose value is negative or not a number is dropped: it may be a return.

  Args:
    table: The events, their columns as text.
    item_ids: The ids `[N]` of the catalogue.
    event_types: A map of a file's event types to "exposure", "click" or
      "order"; it comes before the types known by name.
    now: The present in unix seconds; the future begins a day later.
  """
  table = table.drop(pl.col("user_id").is_null(), "missing user id")
  table = table.drop(pl.col("item_id").is_null(), "missing item id")
  rows = dict(zip(item_ids, range(len(item_ids))))
  item = pl.col("item_id").replace_strict(
    rows, default=None, return_dtype=pl.Int32
  )
  table = table.derive(item.alias("item"))
  table = table.drop(pl.col("item").is_null(), "unknown item")
  table = _check_kinds(table, event_types)
  if "time" in table.frame.columns:
    table = _check_times(table, now)
  if "value" in table.frame.columns:
    value = pl.col("value").cast(pl.Float64, strict=False)
    bad = pl.col("value").is_not_null() & ~_is_value(value)
    table = table.drop(bad, "bad value").derive(value.alias("amount"))
  return table


def drop_empty_users(
  table: CheckedTable, everyone: pl.DataFrame
) -> CheckedTable:
  """Leaves out users who never clicked or ordered, and lists lost users.

  Args:
    table: The checked events.
    everyone: Columns user_id and row of the events before the checks.
  """
  first = everyone.drop_nulls("user_id").unique(
    "user_id", keep="first", maintain_order=True
  )
  lost = first.join(
    table.frame, on="user_id", how="anti", maintain_order="left"
  )
  content = lost.select(pl.struct("user_id").struct.json_encode()).to_series()
  reason = "empty user: every event was left out"
  listed = reject_rows(
    table.file, lost["row"].to_list(), [reason] * lost.height, content.to_list()
  )
  rejects = pl.concat([table.rejects, listed])
  active = (pl.col("kind") > EXPOSED).any().over("user_id")
  return dataclasses.replace(table, rejects=rejects).drop(
    active.not_(), "empty user: exposures without a click or order"
  )


def known_types(event_types: Mapping[str, str]) -> dict[str, int]:
  """Maps lower-case event types to kinds, the caller's own types first.

  Raises:
    ValueError: a target that is not "exposure", "click" or "order".
  """
  kinds = {
    word: EVENT_KINDS[name]
    for name, words in EVENT_TYPES.items()
    for word in words.split()
  }
  for theirs, ours in event_types.items():
    if ours not in EVENT_KINDS:
      raise ValueError(
        f"--event_types={theirs}={ours}: {ours!r} is none of "
        f"{', '.join(EVENT_KINDS)}."
      )
    kinds[theirs.lower()] = EVENT_KINDS[ours]
  return kinds


def _check_kinds(
  table: CheckedTable, event_types: Mapping[str, str]
) -> CheckedTable:
  if "event" not in table.frame.columns:
    return table.derive(pl.lit(ORDERED, pl.Int8).alias("kind"))
  kind = pl.col("event").str.to_lowercase()
  kind = kind.replace_strict(
    known_types(event_types), default=None, return_dtype=pl.Int8
  )
  table = table.derive(kind.alias("kind"))
  return table.drop(
    pl.col("kind").is_null(), "unknown event type (see --event_types)"
  )


def _check_times(table: CheckedTable, now: int) -> CheckedTable:
  seconds = unix_seconds(table.frame["time"])
  table = table.derive(seconds.alias("seconds"))
  unread = "missing or unreadable time (write unix time or ISO 8601)"
  table = table.drop(pl.col("seconds").is_null(), unread)
  return table.drop(pl.col("seconds") > now + _DAY, "time in the future")


def _is_value(value: pl.Expr) -> pl.Expr:
  return (value.is_finite() & (value >= 0)).fill_null(False)
