"""Exposures were promoted in the store and week of the basket, and left."""

import numpy as np
import polars as pl
import pytest

from gr_jax.data.sources.complete_journey.promotions import exposures
from gr_jax.data.sources.complete_journey.requests import Baskets

PRODUCTS = np.array([10, 11, 12, 13, 20, 21, 30])
QUERY = np.array([0, 0, 0, 0, 1, 1, -1])


def one_basket(items) -> Baskets:
  zero = np.zeros(1, np.int64)
  return Baskets(
    households=zero,
    household=zero,
    time=zero,
    week=zero + 2,
    store=zero + 7,
    offsets=np.array([0, len(items)]),
    basket_of_line=np.zeros(len(items), np.int64),
    item=np.array(items, np.int64),
    value=np.zeros(len(items), np.float32),
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
  basket, item = exposures(
    path,
    one_basket(items),
    product_ids=PRODUCTS,
    query_of_item=QUERY,
    max_per_basket=limit,
  )
  assert (basket == 0).all()
  return item.tolist()


def test_exposed_are_promoted_there_and_then_of_a_phrase_bought(promotions):
  assert sorted(exposed(promotions, [0], 10)) == [1, 2]
  assert sorted(exposed(promotions, [0, 4], 10)) == [1, 2, 5]
  assert exposed(promotions, [6], 10) == []


def test_what_was_bought_is_not_exposed(promotions):
  assert exposed(promotions, [0, 1, 2, 4, 5], 10) == []


def test_no_basket_sees_more_than_the_limit(promotions):
  for limit in (0, 1, 2):
    assert len(exposed(promotions, [3, 6], limit)) == limit
