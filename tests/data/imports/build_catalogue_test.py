"""Category paths and prices as people write them."""

import polars as pl

from gr_jax.data.imports.build_catalogue import (
  build_catalogue,
  category_paths,
  typical_values,
)


def test_paths_are_split_where_the_checks_joined_them():
  items = pl.DataFrame({"category": ["a > b", "A/C parts", None]})
  assert category_paths(items) == [["a", "b"], ["A/C parts"], []]


def test_columns_of_fields_are_kept_in_one_order():
  items = pl.DataFrame(
    {
      "item_id": ["a", "b"],
      "text": ["x", "x"],
      "conversion": ["install", None],
      "account": ["7", "8"],
    }
  )
  catalogue = build_catalogue(items)
  assert catalogue.field_names == ("account", "conversion")
  assert catalogue.fields.tolist() == [["7", "install"], ["8", None]]
  bare = build_catalogue(items.select("item_id", "text"))
  assert bare.fields.shape == (2, 0)


def test_a_price_is_the_items_own_or_the_median_paid_or_0():
  items = pl.DataFrame(
    {"item_id": ["a", "b", "c"], "text": ["x"] * 3, "amount": [9.0, None, None]}
  )
  events = pl.DataFrame(
    {"item": [0, 1, 1, 1, 2], "amount": [1.0, 2.0, 3.0, 7.0, None]}
  )
  assert build_catalogue(items).values.tolist() == [9, 0, 0]
  assert build_catalogue(items).priced.tolist() == [True, False, False]
  gift = build_catalogue(items.with_columns(amount=pl.Series([0.0, None, 2.0])))
  assert gift.free.tolist() == [True, False, False]
  assert gift.priced.tolist() == [True, False, True]
  assert typical_values(items, events).tolist() == [9, 3, 0]
  bare = items.drop("amount")
  assert typical_values(bare, events).tolist() == [1, 3, 0]
  assert build_catalogue(bare).values.tolist() == [0, 0, 0]
  assert build_catalogue(bare).categories.shape == (3, 0)
