"""Checked items become a catalogue."""

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue, category_columns, object_array

SEPARATORS = (">", "|")


def build_catalogue(items: pl.DataFrame, events: pl.DataFrame) -> Catalogue:
  """Builds the catalogue of checked items, its popularity still 0.

  An item's value is its own, else the median value of its events, else 0.

  Args:
    items: The checked items, with columns item_id, text and, where known,
      category and amount.
    events: The checked events, with columns item and, where known, amount.
  """
  paths = category_paths(items) if "category" in items.columns else []
  categories, names = category_columns(paths or [[]] * items.height)
  return Catalogue(
    item_ids=object_array(items["item_id"].to_list()),
    texts=object_array(items["text"].to_list()),
    categories=categories,
    category_names=names,
    values=_prices(items, events),
    popularity=np.zeros(items.height, np.int64),
  )


def category_paths(items: pl.DataFrame) -> list[list[str]]:
  """Splits `[N]` category paths at ">" if any has one, else at "|"."""
  column = items["category"].fill_null("")
  for separator in SEPARATORS:
    if column.str.contains(separator, literal=True).any():
      break
  return [
    [name for name in map(str.strip, path.split(separator)) if name]
    for path in column
  ]


def _prices(items: pl.DataFrame, events: pl.DataFrame) -> np.ndarray:
  prices = np.zeros(items.height)
  if "amount" in events.columns:
    paid = events.group_by("item").agg(pl.col("amount").median()).drop_nulls()
    prices[paid["item"].to_numpy()] = paid["amount"].to_numpy()
  if "amount" in items.columns:
    own = items["amount"].to_numpy()
    prices = np.where(np.isnan(own), prices, own)
  return prices.astype(np.float32)
