"""Rows of public logs that are no events or items yet: lists, properties."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.source import Reshape

_UNSET = ("", "(not set)")
_CATEGORIES = ("item_category", *(f"item_category{i}" for i in range(2, 6)))
_GA4_FIELDS = ("item_id", "item_name", "price", "category")
# RetailRocket's properties: the category, the price as n12.000, hashed words.
_CATEGORY, _PRICE, _WORDS = "categoryid", "790", "888"


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
  """MIND: "N1-1 N2-0" becomes a row for each article."""
  shown = pl.col("shown").str.split(" ")
  clicked = pl.col("shown").str.ends_with("-1")
  return (
    frame.with_columns(shown)
    .explode("shown")
    .with_columns(
      item_id=pl.col("shown").str.replace(r"-[01]$", ""),
      event=pl.when(clicked)
      .then(pl.lit("click"))
      .otherwise(pl.lit("impression")),
    )
  )


MIND_IMPRESSIONS = Reshape(
  needs=("shown",),
  gives=("item_id", "event"),
  apply=_shown,
  note="behaviors.tsv: a row for each article shown; the column of histories, "
  "which has no times, is not read.",
)


def _properties(frame: pl.DataFrame) -> pl.DataFrame:
  """RetailRocket: (time, item, property, value) becomes a row for an item."""
  time = pl.col("timestamp").cast(pl.Int64, strict=False)
  latest = frame.drop_nulls("itemid").sort(time, maintain_order=True)

  def last(name: str) -> pl.Expr:
    return pl.col("value").filter(pl.col("property") == name).last()

  items = latest.group_by("itemid", maintain_order=True).agg(
    pl.col("row").min(),
    category=last(_CATEGORY),
    price=last(_PRICE).str.strip_prefix("n"),
    words=last(_WORDS),
  )
  named = pl.format("item {}", "itemid")
  return items.with_columns(
    # A null is no word; blanks between hashes are.
    text=pl.coalesce("words", named)
  ).sort("row")


RETAILROCKET_PROPERTIES = Reshape(
  needs=("timestamp", "itemid", "property", "value"),
  gives=("text", "category", "price"),
  apply=_properties,
  note=f"item_properties: the last values of an item are taken: {_CATEGORY} is "
  f"its category, {_PRICE} its price, the hashed words of {_WORDS} its text; "
  "category_tree.csv is not read.",
)


def _lines(frame: pl.DataFrame) -> pl.DataFrame:
  """GA4: a row for each item of an event."""
  rows = [
    (row, fields)
    for row, items in frame.select("row", "items").iter_rows()
    for fields in _items(items)
  ]
  found = pl.DataFrame(
    [(row, *fields) for row, fields in rows],
    schema={"row": pl.Int64} | dict.fromkeys(_GA4_FIELDS, pl.String),
    orient="row",
  )
  rest = frame.drop(*_GA4_FIELDS, strict=False)
  return rest.join(found, on="row", how="inner", maintain_order="left_right")


def _items(text: str | None) -> Iterator[tuple[str | None, ...]]:
  try:
    items = json.loads(text or "[]")
  except ValueError:
    return
  for item in items if isinstance(items, list) else [items]:
    if isinstance(item, dict):
      names = [_known(item, name) for name in _CATEGORIES]
      path = PATH_SEPARATOR.join(filter(None, names)) or None
      yield (*(_known(item, name) for name in _GA4_FIELDS[:-1]), path)


def _known(item: Mapping[str, Any], name: str) -> str | None:
  value = item.get(name)
  text = "" if value is None else str(value)
  return None if text in _UNSET else text


GA4_LINES = Reshape(
  needs=("items",),
  gives=_GA4_FIELDS,
  apply=_lines,
  note="GA4: a row for each item of an event; events without items are not "
  "read.",
)


def _catalogue(frame: pl.DataFrame) -> pl.DataFrame:
  """GA4: the items of all events, each once, as its first event has it."""
  if "items" in frame.columns:
    frame = _lines(frame)
  frame = frame.drop_nulls("item_id")
  return frame.unique("item_id", keep="first", maintain_order=True)


GA4_ITEMS = Reshape(
  needs=("items",),
  gives=_GA4_FIELDS,
  apply=_catalogue,
  note="GA4: the catalogue is what the events name, as the first has it.",
)
