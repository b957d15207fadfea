"""Small data of every source, with something planted in one period.

What is planted is in that period only: the item `PLANTED` (and `BESIDE` on the
same page), the word `WORD` of a query and, where events have prices, a value.
In sources of clock times or with a split of their own a newcomer buys both as
well, as a first page that is no request.
"""

import dataclasses
import datetime
import pathlib
from collections.abc import Callable
from unittest import mock

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import CLICKED, EXPOSED, TEST, TRAIN, VALID, Requests
from gr_jax.data.sources import (
  amazon_reviews,
  beir,
  complete_journey,
  graded_search,
  own_data,
)
from gr_jax.data.splits import split_by_time
from gr_jax.data.worlds import shop_config, shop_log, shop_world

PERIODS = {"train": TRAIN, "valid": VALID, "test": TEST}
PLANTED, BESIDE, WORD, FACT = "900", "901", "zebrafish", "age=99"
ITEMS = ["100", "101", "102", "103", PLANTED, BESIDE]


@dataclasses.dataclass(frozen=True)
class Source:
  """What a source can hold; `load(folder, period)` plants and reads it."""

  load: Callable[[pathlib.Path, str], tuple[Catalogue, Requests]]
  queries: bool = True
  values: bool = False
  histories: bool = True


def _complete_journey(folder: pathlib.Path, period: str):
  # (household, week, product): weeks 1 to 3 are training, 4 and 5 held out.
  lines = [(h, w, 100 + (h + w + k) % 4)
           for h in (1, 2) for w in range(1, 6) for k in (0, 1)]  # fmt: skip
  week = {"train": 2, "valid": 4, "test": 5}[period]
  lines += [(h, week, int(item)) for h in (1, 3) for item in (PLANTED, BESIDE)]
  start = datetime.datetime(2017, 1, 1)
  pl.DataFrame(
    {
      "household_id": [h for h, _, _ in lines],
      "store_id": [7] * len(lines),
      "basket_id": [10 * h + w for h, w, _ in lines],
      "product_id": [item for *_, item in lines],
      "quantity": [1] * len(lines),
      "sales_value": [2.0] * len(lines),
      "week": [w for _, w, _ in lines],
      "transaction_timestamp": pl.Series(
        [start + datetime.timedelta(weeks=w, minutes=h) for h, w, _ in lines],
        dtype=pl.Datetime("ns"),
      ),
    }
  ).write_parquet(folder / "transactions.parquet")
  kinds = [WORD if item in (PLANTED, BESIDE) else "BREAD" for item in ITEMS]
  pl.DataFrame(
    {
      "product_id": [int(item) for item in ITEMS],
      "manufacturer_id": [7] * len(ITEMS),
      "department": ["GROCERY"] * len(ITEMS),
      "brand": ["National"] * len(ITEMS),
      "product_category": ["FOOD"] * len(ITEMS),
      "product_type": kinds,
      "package_size": ["1 LB"] * len(ITEMS),
    }
  ).write_parquet(folder / "products.parquet")
  pl.DataFrame({"household_id": [3], "age": ["99"]}).write_parquet(
    folder / "demographics.parquet"
  )
  pl.DataFrame(
    {"product_id": [100], "store_id": [7], "week": [1]}
  ).write_parquet(folder / "promotions.parquet")
  weeks = complete_journey.CompleteJourneyConfig(valid_weeks=1, test_weeks=1)
  return complete_journey.load(weeks, folder)


def _amazon_reviews(folder: pathlib.Path, period: str):
  pl.DataFrame(
    {
      "item_id": ITEMS,
      "title": ITEMS,
      "attributes": [["Bath", "Soap"]] * len(ITEMS),
    }
  ).write_parquet(folder / "items.parquet")
  rows = [(user, ITEMS[(user + p) % 4], p) for user in range(4)
          for p in range(5)]  # fmt: skip
  at = {"train": 1, "valid": 3, "test": 4}[period]
  rows = [(u, PLANTED if (u, p) == (1, at) else i, p) for u, i, p in rows]
  pl.DataFrame(
    rows, schema=["user_id", "item_id", "position"], orient="row"
  ).cast({"user_id": pl.String}).write_parquet(folder / "interactions.parquet")
  return amazon_reviews.load(folder)


def _judged(period: str) -> list[tuple[str, str, str, float]]:
  """(query, item, split, grade): two of each split, and the planted one."""
  queries = [(f"{name} bread {k}", name) for name in PERIODS for k in (0, 1)]
  rows = [
    (query, item, name, 3.0)
    for query, name in queries
    for item in (("100", "101") if name == "train" else ("102", "103"))
  ]
  rows += [(f"{WORD} tank", item, period, 3.0) for item in (PLANTED, BESIDE)]
  return rows  # fmt: skip


def _ir_dataset(folder: pathlib.Path, period: str):
  rows = _judged(period)
  split = {query: name for query, _, name, _ in rows}
  pl.DataFrame({"doc_id": ITEMS, "title": ITEMS, "text": ITEMS}).write_parquet(
    folder / "docs.parquet"
  )
  pl.DataFrame(
    {
      "query_id": [f"q{k}" for k in range(len(split))],
      "text": list(split),
      "split": list(split.values()),
    }
  ).write_parquet(folder / "queries.parquet")
  names = {query: f"q{k}" for k, query in enumerate(split)}
  pl.DataFrame(
    {
      "query_id": [names[query] for query, *_ in rows],
      "doc_id": [item for _, item, *_ in rows],
    }
  ).write_parquet(folder / "qrels.parquet")
  return beir.load(folder)[:2]


def _graded_search(folder: pathlib.Path, period: str):
  pl.DataFrame({"item_id": ITEMS, "title": ITEMS}).write_parquet(
    folder / "items.parquet"
  )
  pl.DataFrame(
    _judged(period),
    schema=["query", "item_id", "split", "relevance"],
    orient="row",
  ).write_parquet(folder / "judgments.parquet")
  return graded_search.load(folder)[:2]


def _own_data(folder: pathlib.Path, period: str, *, timed: bool):
  # (user, item, time, query, price): ten days, the last four of them held out.
  rows = [(f"u{u}", ITEMS[(u + day) % 4], 1e5 * day, "bread", 2.0)
          for u in range(4) for day in range(1, 11)]  # fmt: skip
  day = {"train": 3.5, "valid": 7.5, "test": 9.5}[period]
  pair = (PLANTED, BESIDE)
  if timed:
    rows += [("u1", item, 1e5 * day, f"{WORD} tank", 77.0) for item in pair]
    # Two first pages of newcomers: no request, and one that is none's past.
    rows += [(f"new{k}", item, 1e5 * day + 60, "", 77.0)
             for k in (0, 1) for item in pair]  # fmt: skip
  else:
    # Neighbours with the same query are one page of a user.
    rows = [(u, i, t, f"bread {t}", v) for u, i, t, _, v in rows]
    place = {"train": 2, "valid": 8, "test": 9}[period]
    mine = [k for k, row in enumerate(rows) if row[0] == "u1"]
    rows[mine[place]] = ("u1", PLANTED, 0, f"{WORD} tank", 77.0)
    rows.insert(mine[place], ("u1", BESIDE, 0, f"{WORD} tank", 77.0))
  columns = ["user_id", "item_id", "time", "query", "value"]
  events = pl.DataFrame(rows, schema=columns, orient="row", strict=False)
  events = events if timed else events.drop("time")
  events.write_csv(folder / "events.csv")
  pl.DataFrame({"item_id": ITEMS, "text": ITEMS}).write_csv(
    folder / "items.csv"
  )
  own_data.import_tables(
    folder / "items.csv",
    folder / "events.csv",
    {},
    folder / "out",
    valid_share=0.2,
    test_share=0.2,
  )
  return own_data.load(folder / "out")


def _published_split(folder: pathlib.Path, period: str):
  """Own data with an order and a split column, and no times."""
  # (user, item, order, query, price, split): ten places, four held out.
  words = ["train"] * 6 + ["dev"] * 2 + ["test"] * 2
  rows = [(f"u{u}", ITEMS[(u + p) % 4], p, "bread", 2.0, words[p])
          for u in range(4) for p in range(10)]  # fmt: skip
  place = {"train": 2, "valid": 7, "test": 9}[period]
  for item in (PLANTED, BESIDE):
    rows.append(("u1", item, place, f"{WORD} tank", 77.0, words[place]))
    # Newcomers whose first page, or whole past, is of the period.
    rows += [(f"new{k}", item, p, "", 77.0, words[place])
             for k in (0, 1) for p in range(k + 1)]  # fmt: skip
  columns = ["user_id", "item_id", "order", "query", "value", "split"]
  pl.DataFrame(rows, schema=columns, orient="row").sample(
    fraction=1, shuffle=True, seed=0
  ).write_csv(folder / "events.csv")
  pl.DataFrame({"item_id": ITEMS, "text": ITEMS}).write_csv(
    folder / "items.csv"
  )
  own_data.import_tables(
    folder / "items.csv", folder / "events.csv", {}, folder / "out"
  )
  return own_data.load(folder / "out")


def _shop_world(folder: pathlib.Path, period: str):
  """A made-up log in which one item and one word are asked for once."""
  del folder
  config = shop_config.ShopWorldConfig(
    num_items=40, num_users=10, num_requests=200, num_categories=4,
    clusters_each=2,
  )  # fmt: skip
  drawn = shop_log.draw_log

  def planted_log(rng, config, items, users, ads):
    log = drawn(rng, config, items, users, ads)
    items.words[0] = WORD
    page, query = log.page_item, log.query
    page[page == 0] = 1
    query[query == 0] = 1
    split = split_by_time(
      log.time, valid_share=config.valid_share, test_share=config.test_share
    )
    asked = (split == PERIODS[period]) & (query[:, 0] >= 0)
    row = np.flatnonzero(asked & ((log.page_kind > EXPOSED).sum(1) > 1))
    row = row[len(row) // 2]
    page[row, np.argmax(log.page_kind[row] >= CLICKED)] = 0
    query[row, 0] = 0
    return log

  with mock.patch.object(shop_world, "draw_log", planted_log):
    world = shop_world.generate(config, seed=0)
  names = world.catalogue.item_ids.copy()
  names[0] = PLANTED
  return dataclasses.replace(world.catalogue, item_ids=names), world.requests


SOURCES = {
  "complete_journey": Source(_complete_journey, values=True),
  "amazon_reviews": Source(_amazon_reviews, queries=False),
  "ir_dataset": Source(_ir_dataset, histories=False),
  "graded_search": Source(_graded_search, histories=False),
  "own_data_by_time": Source(
    lambda folder, period: _own_data(folder, period, timed=True), values=True
  ),
  "own_data_by_user": Source(
    lambda folder, period: _own_data(folder, period, timed=False), values=True
  ),
  "own_data_by_column": Source(_published_split, values=True),
  "shop_world": Source(_shop_world),
}
