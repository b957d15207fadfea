"""Checks of items and events, and the fate of rows that fail them."""

import dataclasses
from collections.abc import Mapping

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.columns import known_words
from gr_jax.data.imports.published_split import check_split
from gr_jax.data.imports.times import unix_times
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED

EVENT_KINDS = {"exposure": EXPOSED, "click": CLICKED, "order": ORDERED}
EVENT_TYPES = {
  "exposure": "exposure exposed impression view show display",
  "click": "click clicked cart add_to_cart addtocart basket",
  "order": "order ordered purchase purchased buy bought transaction sale",
}
_DAY = 86_400
_AMOUNT = pl.col("value").cast(pl.Float64, strict=False)
_IS_AMOUNT = (_AMOUNT.is_finite() & (_AMOUNT >= 0)).fill_null(False)
# Exact where a float is not: 20 digits before the point, nine after it.
_PLACE = pl.col("order").cast(pl.Decimal(38, 9), strict=False)
_BAD_VALUE = pl.col("value").is_not_null() & ~_IS_AMOUNT


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
  unknown = "bad value (the row is kept, its value unknown)"
  amount = pl.when(~_BAD_VALUE).then(_AMOUNT)
  return table.list(_BAD_VALUE, unknown).derive(amount.alias("amount"))


def check_events(
  table: CheckedTable,
  *,
  item_ids: pl.Series,
  event_types: Mapping[str, str],
  splits: Mapping[str, str] | None = None,
  now: int,
) -> CheckedTable:
  """Keeps the events that name a known item, a user, a time and a type.

  Adds `item` (row of the catalogue), `kind` (EXPOSED, CLICKED, ORDERED;
  ORDERED without an event column) and, where their columns are there, `part`
  (TRAIN, VALID, TEST), `seconds` (unix time), `nanoseconds` (after them),
  `place` (the order as a number) and `amount` (the value as a number). An event
  whose value is negative or not a number is dropped: it may be a return.

  Args:
    table: The events, their columns as text.
    item_ids: The ids `[N]` of the catalogue.
    event_types: A map of a file's event types to "exposure", "click" or
      "order"; it comes before the types known by name.
    splits: A map of a file's words for splits, see `check_split`.
    now: The present in unix seconds; the future begins a day later.

  Raises:
    ValueError: the split column has a word that no split is called by.
  """
  if "split" in table.frame.columns:
    table = check_split(table, splits or {})
  table = table.drop(pl.col("user_id").is_null(), "missing user id")
  table = table.drop(pl.col("item_id").is_null(), "missing item id")
  item = pl.col("item_id").cast(pl.Enum(item_ids), strict=False)
  table = table.derive(item.to_physical().cast(pl.Int32).alias("item"))
  table = table.drop(pl.col("item").is_null(), "unknown item")
  table = _check_kinds(table, event_types)
  if "time" in table.frame.columns:
    seconds, nanoseconds = unix_times(table.frame["time"])
    table = table.derive(seconds.alias("seconds"), nanoseconds)
    unread = "missing or unreadable time (write unix time or ISO 8601)"
    table = table.drop(pl.col("seconds").is_null(), unread)
    table = table.drop(pl.col("seconds") > now + _DAY, "time in the future")
  if "order" in table.frame.columns:
    table = table.derive(_PLACE.alias("place"))
    unread = "missing or unreadable order (write a number; dates are a time)"
    table = table.drop(pl.col("place").is_null(), unread)
  if "value" in table.frame.columns:
    table = table.drop(_BAD_VALUE, "bad value")
    table = table.derive(_AMOUNT.alias("amount"))
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
  listed = dataclasses.replace(table, frame=lost).list(
    pl.lit(True), "empty user: every event was left out"
  )
  active = (pl.col("kind") > EXPOSED).any().over("user_id")
  return dataclasses.replace(listed, frame=table.frame).drop(
    active.not_(), "empty user: exposures without a click or order"
  )


def known_types(event_types: Mapping[str, str]) -> dict[str, int]:
  """Maps lower-case event types to kinds, the caller's own types first.

  Raises:
    ValueError: a target that is not "exposure", "click" or "order".
  """
  return known_words(
    EVENT_TYPES, EVENT_KINDS, event_types, flag="--event_types"
  )


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
