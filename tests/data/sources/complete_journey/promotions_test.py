"""Exposures were promoted in the store and week of the basket, and left."""

import numpy as np
import polars as pl
import pytest

from gr_jax.data.sources.complete_journey.promotions import exposures

PRODUCTS = np.array([10, 11, 12, 13, 20, 21, 30])
PLACE = {"basket": 0, "week": 2, "store_id": 7}
QUERY = np.array([0, 0, 0, 0, 1, 1, -1])


def one_basket(items) -> pl.DataFrame:
  lines = pl.DataFrame({"item": items}, schema={"item": pl.Int64})
  return lines.select(
    "item", *(pl.lit(n, pl.Int64).alias(name) for name, n in PLACE.items())
  )


@pytest.fixture
def promotions(tmp_path):
  """All products at store 7 in week 2, product 21 twice; 13 elsewhere."""
  path = tmp_path / "promotions.parquet"
  pl.DataFrame(
    {
      "product_id": [10, 11, 12, 13, 13, 20, 21, 21, 30, 99],
      "store_id": [7, 7, 7, 8, 7, 7, 7, 7, 7, 7],
      "week": [2, 2, 2, 2, 3, 2, 2, 2, 2, 2],
    }
  ).write_parquet(path)
  return path


def exposed(path, items, limit):
  found = exposures(
    path,
    one_basket(items),
    product_ids=PRODUCTS,
    query_of_item=QUERY,
    max_per_basket=limit,
  )
  assert (found["basket"] == 0).all()
  return found["item"].to_list()


def test_exposed_are_promoted_there_and_then_of_a_phrase_bought(promotions):
  assert sorted(exposed(promotions, [0], 10)) == [1, 2]
  assert sorted(exposed(promotions, [0, 4], 10)) == [1, 2, 5]
  assert exposed(promotions, [6], 10) == []


def test_what_was_bought_is_not_exposed(promotions):
  assert exposed(promotions, [0, 1, 2, 4, 5], 10) == []


def test_no_basket_sees_more_than_the_limit(promotions):
  for limit in (0, 1, 2):
    assert len(exposed(promotions, [3, 6], limit)) == limit
