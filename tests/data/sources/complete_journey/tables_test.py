"""Baskets become requests; only training weeks reach the catalogue."""

import datetime
import importlib.util

import numpy as np
import polars as pl
import pytest

from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN, VALID
from gr_jax.data.sources import complete_journey
from gr_jax.data.sources.complete_journey import CompleteJourneyConfig

WEEKS = CompleteJourneyConfig(valid_weeks=1, test_weeks=1)


def line(household, basket, product, week, value=2.0, quantity=1, minute=0):
  start = datetime.datetime(2017, 1, 1) + datetime.timedelta(weeks=week)
  return {
    "household_id": household,
    "store_id": 7,
    "basket_id": basket,
    "product_id": product,
    "quantity": quantity,
    "sales_value": value,
    "week": week,
    "transaction_timestamp": start + datetime.timedelta(minutes=minute),
  }


LINES = [
  line(2, 30, 100, 1, value=4.0, quantity=2),
  line(2, 30, 300, 1),
  line(2, 31, 100, 2, value=1.0),
  line(2, 32, 200, 2),  # At the same moment as basket 31.
  line(2, 33, 200, 3),
  line(1, 40, 100, 1, minute=3),
  line(1, 40, 200, 1, minute=3),
  line(1, 41, 400, 4, value=9.0),
]
PRODUCTS = [
  (100, 2, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"),
  (150, 2, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", None),
  (200, 2, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", None),
  (300, 69, "MEAT", "Private", "BACON", "PREMIUM", None),
]


def write_tables(folder, lines=LINES):
  pl.DataFrame(lines).with_columns(
    pl.col("transaction_timestamp").cast(pl.Datetime("ns"))
  ).write_parquet(folder / "transactions.parquet")
  columns = (
    "product_id manufacturer_id department brand product_category product_type"
  )
  pl.DataFrame(
    PRODUCTS, schema=[*columns.split(), "package_size"], orient="row"
  ).write_parquet(folder / "products.parquet")
  pl.DataFrame(
    {"household_id": [2], "age": ["45-54"], "home": [None]},
    schema_overrides={"home": pl.String},
  ).write_parquet(folder / "demographics.parquet")
  pl.DataFrame(
    {
      "product_id": [100, 200, 200, 150, 300],
      "store_id": [7, 7, 8, 7, 7],
      "week": [1, 1, 2, 1, 9],
    }
  ).write_parquet(folder / "promotions.parquet")
  return folder


@pytest.fixture
def tables(tmp_path):
  return write_tables(tmp_path)


def described(catalogue, requests):
  """(household, day, query) -> (history, orders, exposures) by product id."""
  found = {}
  for r in range(len(requests)):
    page = slice(requests.page_offsets[r], requests.page_offsets[r + 1])
    ids = catalogue.item_ids[requests.page_item[page]]
    kind = requests.page_kind[page]
    query = requests.query[r]
    key = (
      requests.user_ids[requests.user[r]],
      int(requests.split[r]),
      requests.queries[query] if query >= 0 else None,
    )
    found.setdefault(key, []).append(
      (
        catalogue.item_ids[requests.history(r)].tolist(),
        ids[kind == ORDERED].tolist(),
        ids[kind == EXPOSED].tolist(),
      )
    )
  return found


def test_each_basket_gives_a_next_basket_and_its_searches(tables):
  found = described(*complete_journey.load(WEEKS, tables))
  ice = "ice crushed cubed"
  assert found == {
    ("1", TRAIN, None): [([], ["100", "200"], [])],
    ("1", TRAIN, ice): [([], ["100", "200"], [])],
    ("1", TEST, None): [(["100", "200"], ["400"], [])],
    ("2", TRAIN, None): [
      ([], ["100", "300"], ["200"]),
      (["100", "300"], ["100"], []),
      (["100", "300"], ["200"], []),
    ],
    ("2", TRAIN, ice): [
      ([], ["100"], ["200"]),
      (["100", "300"], ["100"], []),
      (["100", "300"], ["200"], []),
    ],
    ("2", TRAIN, "premium bacon"): [([], ["300"], [])],
    ("2", VALID, None): [(["100", "300", "100", "200"], ["200"], [])],
    ("2", VALID, ice): [(["100", "300", "100", "200"], ["200"], [])],
  }


def test_popularity_and_values_come_from_training_weeks_only(tables):
  catalogue, _ = complete_journey.load(WEEKS, tables)
  assert catalogue.item_ids.tolist() == ["100", "200", "300", "400"]
  assert catalogue.popularity.tolist() == [3, 2, 1, 0]
  assert catalogue.values.tolist() == [2.0, 2.0, 2.0, 0.0]


def test_the_manufacturer_is_the_advertiser(tables):
  """Product 400 is in no table of products."""
  catalogue, _ = complete_journey.load(WEEKS, tables)
  assert catalogue.field_names == ("advertiser", "brand")
  assert catalogue.fields.tolist() == [
    ["2", "National"],
    ["2", "National"],
    ["69", "Private"],
    [None, None],
  ]


def test_profiles_state_known_facts_only(tables):
  _, requests = complete_journey.load(WEEKS, tables)
  assert requests.profiles.tolist() == [(), ("age=45-54",)]


def test_order_of_the_lines_in_the_file_changes_nothing(
  tables, tmp_path_factory
):
  other = write_tables(tmp_path_factory.mktemp("other"), LINES[::-1])
  left = complete_journey.load(WEEKS, tables)
  right = complete_journey.load(WEEKS, other)
  assert described(*left) == described(*right)
  np.testing.assert_array_equal(left[1].event_item, right[1].event_item)


def test_max_households_keeps_only_what_they_bought(tables):
  config = CompleteJourneyConfig(1, 1, max_households=1)
  catalogue, requests = complete_journey.load(config, tables)
  assert requests.user_ids.tolist() == ["1"]
  assert catalogue.item_ids.tolist() == ["100", "200", "400"]


def test_no_exposures_leaves_promotions_unread(tables):
  (tables / "promotions.parquet").write_bytes(b"not a table")
  config = CompleteJourneyConfig(1, 1, max_exposures=0)
  _, requests = complete_journey.load(config, tables)
  assert (requests.page_kind == ORDERED).all()


def test_weeks_that_leave_nothing_to_train_on_are_refused(tables):
  with pytest.raises(ValueError, match=r"no training week in weeks 1\.\.4"):
    complete_journey.load(CompleteJourneyConfig(2, 2), tables)


def test_missing_table_is_named(tables):
  (tables / "products.parquet").unlink()
  with pytest.raises(FileNotFoundError, match=r"products\.parquet is missing"):
    complete_journey.load(WEEKS, tables)


def test_missing_package_is_named(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(FileNotFoundError, match="pip install completejourney"):
    complete_journey.load(WEEKS)


@pytest.fixture(scope="module")
def installed():
  return complete_journey.load(
    CompleteJourneyConfig(max_households=200, max_exposures=0)
  )


def test_installed_splits_are_ordered_by_time(installed):
  _, requests = installed
  last = -1
  for split in (TRAIN, VALID, TEST):
    times = requests.time[requests.split == split]
    assert last < times.min()
    last = times.max()


def test_installed_queries_are_natural_words(installed):
  catalogue, requests = installed
  joined = " ".join(requests.queries)
  assert joined.replace(" ", "").replace("'", "").isalpha()
  assert joined == joined.lower()
  assert "" not in requests.queries.tolist()
  assert {"frzn", "drnk", "chix"}.isdisjoint(joined.split())
  assert min(len(text) for text in catalogue.texts) > 0


def test_installed_histories_hold_all_of_the_past_and_no_more(installed):
  _, requests = installed
  for r in range(0, len(requests), 997):
    user = requests.user[r]
    events = slice(requests.user_offsets[user], requests.user_offsets[user + 1])
    before = requests.event_time[events] < requests.time[r]
    assert requests.history_end[r] == events.start + before.sum()
