"""Files in the shapes of public data sets: the import says what it read."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gr_jax.data.sources.own_data import import_tables, load

NOW = 1_767_225_600  # 2026-01-01.
USERS, ITEMS, VISITS = 12, 20, 6


def _visits():
  """(user, item, day) of a small log, in the order of time."""
  for day in range(VISITS):
    for user in range(USERS):
      yield user, (user * 7 + day * 3) % ITEMS, day + 1


def _csv(path: Path, header: str, rows: list[str]) -> Path:
  path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
  return path


def _jsonl(path: Path, records: list[dict]) -> Path:
  path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
  return path


def _movielens(folder):
  items = [f"{i},Film {i},Action|Drama" for i in range(ITEMS)]
  events = [f"{u},{i},{4 + d % 2},{874724710 + d * 86400 + u}"
            for u, i, d in _visits()]  # fmt: skip
  return (
    _csv(folder / "items.csv", "movieId,title,genres", items),
    _csv(folder / "events.csv", "userId,movieId,rating,timestamp", events),
    {"item_id": "movieId", "text": "title", "category": "genres",
     "user_id": "userId", "time": "timestamp"},
    {},
  )  # fmt: skip


def _amazon(folder):
  items = [
    {"asin": f"000{i}", "title": f"Cream {i}" if i else None, "brand": "Acme",
     "category": ["Beauty", "Gift > Box"], "price": f"${i}.50",
     "description": ["Soft &amp; <b>mild</b>.", "200 ml"]}
    for i in range(ITEMS)
  ]  # fmt: skip
  events = [
    {"reviewerID": f"A{u}", "asin": f"000{i}",
     "unixReviewTime": 1_400_000_000 + 86_400 * d}
    for u, i, d in _visits()
  ]  # fmt: skip
  return (
    _jsonl(folder / "meta.jsonl", items),
    _jsonl(folder / "reviews.jsonl", events),
    {"item_id": "asin", "text": "title+brand+description", "value": "price",
     "user_id": "reviewerID", "time": "unixReviewTime"},
    {},
  )  # fmt: skip


def _shopify_ga4(folder):
  items = [f'{i},T-shirt {i},Shoes/Women,"1.{i:03d},50 €"'
           for i in range(ITEMS)]  # fmt: skip
  names = ("view_item_list", "Add To Cart", "checkout_completed", "page_view")
  events = [f"c{u},{i},{20250200 + d},{names[(u + d) % 4]}"
            for u, i, d in _visits()]  # fmt: skip
  events += [f"c{u},{u},20250207,add-to-cart" for u in range(USERS)]
  return (
    _csv(folder / "products.csv", "id,title,type,price", items),
    _csv(folder / "events.csv", "client,id,event_date,event_name", events),
    {"item_id": "id", "text": "title", "category": "type", "value": "price",
     "user_id": "client", "time": "event_date", "event": "event_name"},
    {},
  )  # fmt: skip


def _h_and_m(folder):
  items = [f"01087750{i:02d},Strap top,Ladieswear,Jersey,Vest"
           for i in range(ITEMS)]  # fmt: skip
  events = [f"2020-09-{d:02d},{u:04x},01087750{i:02d},0.0{i + 1:02d}"
            for u, i, d in _visits()]  # fmt: skip
  return (
    _csv(folder / "articles.csv", "article_id,name,index,group,type", items),
    _csv(folder / "tx.csv", "t_dat,customer_id,article_id,price", events),
    {"item_id": "article_id", "text": "name+type",
     "category": "index+group+type", "user_id": "customer_id", "time": "t_dat",
     "value": "price"},
    {},
  )  # fmt: skip


def _instacart(folder):
  items = [f"{i},Product {i},produce,fruit" for i in range(ITEMS)]
  # Whole baskets: each visit has three items and one number.
  events = [f"{u},{d},{(i + k) % ITEMS}"
            for u, i, d in _visits() for k in range(3)]  # fmt: skip
  return (
    _csv(folder / "products.csv", "product_id,name,department,aisle", items),
    _csv(folder / "orders.csv", "user_id,order_number,product_id", events),
    {"item_id": "product_id", "text": "name", "category": "department+aisle",
     "order": "order_number"},
    {},
  )  # fmt: skip


def _postgres(folder):
  items = [f"{i},Thing {i}" for i in range(ITEMS)]
  events = [f"{u},{i},2025-01-{d:02d} 10:00:0{u % 10}+02"
            for u, i, d in _visits()]  # fmt: skip
  return (
    _csv(folder / "items.csv", "item_id,text", items),
    _csv(folder / "events.csv", "user_id,item_id,time", events),
    {},
    {},
  )


def _month_first(folder):
  items = [f"{i},Thing {i}" for i in range(ITEMS)]
  events = [f"{u},{i},1/{d + 12}/2025 {1 + u % 9}:05:58 PM"
            for u, i, d in _visits()]  # fmt: skip
  return (
    _csv(folder / "items.csv", "item_id,text", items),
    _csv(folder / "events.csv", "user_id,item_id,time", events),
    {},
    {"time_format": "mdy"},
  )


def _taobao(folder):
  items = [f"{i},Thing {i},{i % 3}" for i in range(ITEMS)]
  names = ("pv", "cart", "fav", "buy")
  events = [f"{u},{i},{names[(u + d) % 4]},{1511544070 + 86400 * d}"
            for u, i, d in _visits()]  # fmt: skip
  return (
    _csv(folder / "items.csv", "item_id,text,category", items),
    _csv(folder / "events.csv", "user_id,item_id,event,time", events),
    {},
    {},
  )


SHAPES = {
  _movielens: ("1997-09-21 03:05:10 to 1997-09-26 03:05:21 UTC, 5.0 days",
               "split at '|'"),
  _amazon: ("2014-05-14 16:53:20 to 2014-05-19 16:53:20 UTC",
            "HTML tags and entities were removed from 20 texts",
            "led to one item",
    "20 prices have a currency, which is left out: $ (20)"),
  _shopify_ga4: ("2025-02-01 00:00:00 to 2025-02-07 00:00:00 UTC, 6.0 days",
                 "66 times are numbers that are dates, such as 20250201",
                 "20 prices have a decimal comma ('1.000,50 €' is 1000.5)",
                 "--event_types=page_view=click", "split at '/'",
                 "18 x unknown event type",
                 "checkout_completed = order (18)"),
  _h_and_m: ("2020-09-01 00:00:00 to 2020-09-06 00:00:00 UTC, 5.0 days",),
  _instacart: ("the order column is the time", "led to several items"),
  _postgres: ("2025-01-01 08:00:00 to 2025-01-06 08:00:09 UTC",),
  _month_first: ("2025-01-13 13:05:58 to 2025-01-18 21:05:58 UTC",),
  _taobao: ("2017-11-25 17:21:10 to 2017-11-30 17:21:10 UTC",
            "buy = order (18)", "pv = click (18)"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__[1:])
def test_a_public_shape_is_read_as_it_is_meant(shape, tmp_path):
  items, events, columns, flags = shape(tmp_path)
  summary = import_tables(
    items, events, columns, tmp_path / "out", now=NOW, **flags
  )
  page = str(summary)
  for said in SHAPES[shape]:
    assert said in page
  catalogue, requests = load(tmp_path / "out")
  assert len(catalogue) == ITEMS
  assert len(requests.user_ids) == USERS
  lost = pl.read_csv(tmp_path / "out" / "rejects.csv").height
  assert sum(n for _, read, n in summary.files) + lost == sum(
    read for _, read, _ in summary.files
  )
  assert np.isfinite(catalogue.values).all()


def test_texts_and_paths_are_made_of_what_a_row_has(tmp_path):
  items, events, columns, _ = _amazon(tmp_path)
  import_tables(items, events, columns, tmp_path / "out", now=NOW)
  catalogue, _ = load(tmp_path / "out")
  assert catalogue.texts[0] == "Acme Soft & mild. 200 ml"
  assert catalogue.texts[1] == "Cream 1 Acme Soft & mild. 200 ml"
  assert catalogue.category_names == (("Beauty",), ("Beauty > Gift / Box",))
  assert catalogue.values[:2].tolist() == [0.5, 1.5]


def test_a_form_that_must_be_said_is_suggested(tmp_path):
  items, events, columns, _ = _month_first(tmp_path)
  with pytest.raises(ValueError, match="add --time_format=mdy") as error:
    import_tables(items, events, columns, tmp_path / "out", now=NOW)
  assert "Events name items" not in str(error.value)
