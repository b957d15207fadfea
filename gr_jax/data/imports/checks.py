"""Checks of items and events, and the fate of rows that fail them."""

import dataclasses
from collections.abc import Mapping

import polars as pl

from gr_jax.data.imports.amounts import LARGEST, read_amounts
from gr_jax.data.imports.category_paths import read_paths
from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.event_types import check_kinds
from gr_jax.data.imports.id_hints import id_hint
from gr_jax.data.imports.plain_text import without_markup
from gr_jax.data.imports.published_split import check_split
from gr_jax.data.imports.times import (
  date_numbers,
  likely_formats,
  unit_counts,
  unix_times,
)
from gr_jax.data.imports.words import map_words
from gr_jax.data.requests import EXPOSED

UNKNOWN_ITEM = "unknown item"

_DAY = 86_400
_AMOUNT = pl.col("amount")
_IS_AMOUNT = (_AMOUNT.is_finite() & _AMOUNT.is_between(0, LARGEST)).fill_null(
  False
)
# Exact where a float is not: 20 digits before the point, nine after it.
_EXACT = pl.Decimal(38, 9)
_BAD_VALUE = pl.col("value").is_not_null() & ~_IS_AMOUNT


def check_items(
  table: CheckedTable, *, category_separator: str = ""
) -> CheckedTable:
  """Keeps the first row of every id that has an id and a text.

  Texts and categories lose their markup, and categories become paths "a > b"
  (`read_paths`). Adds `amount`, the value as a number: a value that is not a
  number >= 0 is listed and taken as unknown (null).

  Args:
    table: The items, their columns as text.
    category_separator: See `read_paths`.
  """
  for name in ("text", "category"):
    if name in table.frame.columns:
      table = _without_markup(table, name)
  table = table.drop(pl.col("item_id").is_null(), "missing item id")
  table = table.drop(pl.col("text").is_null(), "missing item text")
  again = pl.col("item_id").is_first_distinct().not_()
  same = pl.col("text") == pl.col("text").first().over("item_id")
  table = table.drop(again & same, "duplicate item id, same text")
  again = pl.col("item_id").is_first_distinct().not_()
  table = table.drop(again, "duplicate item id, other text (the first is kept)")
  if "value" in table.frame.columns:
    table = _with_amount(table, "prices")
    unknown = "bad value (the row is kept, its value unknown)"
    amount = pl.when(~_BAD_VALUE).then(_AMOUNT)
    table = table.list(_BAD_VALUE, unknown).derive(amount.alias("amount"))
  if "category" in table.frame.columns:
    paths, notes = read_paths(table.frame["category"], category_separator)
    table = table.derive(paths).note(*notes)
  return table


def check_events(
  table: CheckedTable,
  *,
  item_ids: pl.Series,
  event_types: Mapping[str, str],
  splits: Mapping[str, str] | None = None,
  time_format: str = "",
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
    time_format: The form of the times, see `unix_times`.
    now: The present in unix seconds; the future begins a day later.

  Raises:
    ValueError: the split column has a word that no split is called by.
  """
  if "split" in table.frame.columns:
    table = check_split(table, splits or {})
  table = table.drop(pl.col("user_id").is_null(), "missing user id")
  table = table.drop(pl.col("item_id").is_null(), "missing item id")
  known = pl.Enum(item_ids)

  def item_of(ids: pl.Series) -> pl.Series:
    return ids.cast(known, strict=False).to_physical().cast(pl.Int32)

  item = map_words(table.frame["item_id"], item_of).alias("item")
  table = table.derive(item)
  strange = table.frame["item_id"].filter(item.is_null())
  table = table.drop(pl.col("item").is_null(), UNKNOWN_ITEM)
  if hint := id_hint(strange, item_ids):
    table = table.note(hint)
  table = check_kinds(table, event_types)
  if "time" in table.frame.columns:
    table = _with_times(table, time_format)
    table = table.drop(pl.col("seconds") > now + _DAY, "time in the future")
  if "order" in table.frame.columns:
    place = map_words(
      table.frame["order"], lambda text: text.cast(_EXACT, strict=False)
    )
    table = table.derive(place.alias("place"))
    unread = "missing or unreadable order (write a number; dates are a time)"
    table = table.drop(pl.col("place").is_null(), unread)
  if "value" in table.frame.columns:
    table = _with_amount(table, "values of events")
    table = table.drop(_BAD_VALUE, "bad value")
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
  left = table.frame.select(pl.col("user_id").unique())
  lost = first.join(left, on="user_id", how="anti", maintain_order="left")
  listed = dataclasses.replace(table, frame=lost).list(
    pl.lit(True), "no event of this user is left"
  )
  chose = table.frame["kind"] > EXPOSED
  active = table.frame["user_id"].filter(chose).unique()
  return dataclasses.replace(listed, frame=table.frame).drop(
    pl.col("user_id").is_in(active.implode()).not_(),
    "a user of exposures alone, no click or order (see --event_types)",
  )


def _with_amount(table: CheckedTable, noun: str) -> CheckedTable:
  values, notes = read_amounts(table.frame["value"], noun=noun)
  return table.derive(values.alias("amount")).note(*notes)


def _with_times(table: CheckedTable, time_format: str) -> CheckedTable:
  """Adds `seconds` and `nanoseconds`; rows without a time are dropped."""
  times = table.frame["time"]
  seconds, nanoseconds = unix_times(times, time_format)
  table = table.derive(seconds.alias("seconds"), nanoseconds)
  if not time_format:
    table = table.note(*_time_notes(times))
  form = f"not of --time_format={time_format}"
  if not time_format:
    likely = " or --time_format=".join(
      likely_formats(times.filter(seconds.is_null()))
    )
    form = (
      f"write unix time or ISO 8601, or add --time_format={likely or '...'}"
    )
  unread = f"missing or unreadable time ({form})"
  return table.drop(pl.col("seconds").is_null(), unread)


def _time_notes(times: pl.Series) -> list[str]:
  notes, dates = [], date_numbers(times)
  if dates.any():
    notes.append(
      f"{int(dates.sum()):,} times are numbers that are dates, such as "
      f"{times.filter(dates)[0]}."
    )
  units = unit_counts(times)
  if len(units) > 1:
    named = ", ".join(f"{unit} ({n:,})" for unit, n in units.items())
    notes.append(f"times are in different units, read by their size: {named}.")
  return notes


def _without_markup(table: CheckedTable, name: str) -> CheckedTable:
  texts, n = without_markup(table.frame[name])
  if not n:
    return table
  plural = {"text": "texts", "category": "categories"}[name]
  note = f"HTML tags and entities were removed from {n:,} {plural}."
  return table.derive(texts).note(note)
