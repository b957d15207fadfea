"""Checked items become a catalogue."""

import numpy as np
import polars as pl

from gr_jax.data.catalogue import (
  PATH_SEPARATOR,
  Catalogue,
  category_columns,
  object_array,
)
from gr_jax.data.imports.columns import ATTRIBUTE, FIELD_COLUMNS


def build_catalogue(items: pl.DataFrame) -> Catalogue:
  """Builds the catalogue of checked items, before anything is sold.

  The popularity is 0, and so is a value that the items do not have themselves;
  one that is 0 makes an item `free`.

  Args:
    items: The checked items, with columns item_id, text and, where known,
      category, amount, fields (`columns.FIELD_COLUMNS`) and attributes.
  """
  paths = category_paths(items) if "category" in items.columns else []
  categories, names = category_columns(paths or [[]] * items.height)
  values = _own_values(items)
  field_names = tuple(name for name in FIELD_COLUMNS if name in items.columns)
  fields = np.empty((items.height, len(field_names)), object)
  for f, name in enumerate(field_names):
    fields[:, f] = items[name].to_list()
  return Catalogue(
    item_ids=object_array(items["item_id"].to_list()),
    texts=object_array(items["text"].to_list()),
    categories=categories,
    category_names=names,
    values=np.nan_to_num(values).astype(np.float32),
    popularity=np.zeros(items.height, np.int64),
    fields=fields,
    field_names=field_names,
    free=values.astype(np.float32) == 0,
    attributes={
      name.removeprefix(ATTRIBUTE): items[name]
      for name in items.columns
      if name.startswith(ATTRIBUTE)
    },
  )


def typical_values(items: pl.DataFrame, training: pl.DataFrame) -> np.ndarray:
  """Returns `[N]` float32: an item's own value, else the median of its events.

  0 for an item without either: what was sold in the held-out periods only has
  no known value.

  Args:
    items: The checked items.
    training: The events of the training period, with columns item and amount.
  """
  values = np.zeros(items.height)
  paid = training.group_by("item").agg(pl.col("amount").median()).drop_nulls()
  values[paid["item"].to_numpy()] = paid["amount"].to_numpy()
  own = _own_values(items)
  return np.where(np.isnan(own), values, own).astype(np.float32)


def category_paths(items: pl.DataFrame) -> list[list[str]]:
  """Returns the names `[N]` of category paths "a > b", [] where unknown."""
  names = items["category"].str.split(PATH_SEPARATOR)
  return names.fill_null([]).to_list()


def _own_values(items: pl.DataFrame) -> np.ndarray:
  """Returns `[N]` float64, NaN where an item has no value of its own."""
  if "amount" not in items.columns:
    return np.full(items.height, np.nan)
  return items["amount"].cast(pl.Float64).fill_null(np.nan).to_numpy()
