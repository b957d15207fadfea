"""A folder of a public data set is read by the name of its format."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from gr_jax.data.imports.checked_table import LIST_SEPARATOR
from gr_jax.data.imports.formats import FORMATS, format_sources
from gr_jax.data.imports.read import read_tables
from gr_jax.data.imports.source import Source

GA4_ITEM = {"item_id": "s1", "item_name": "Mug", "price": 4.5,
            "item_category": "Home", "item_category2": "(not set)"}  # fmt: skip
GA4_EVENTS = [
  {"event_name": "page_view", "event_timestamp": "1", "items": []},
  {"event_name": "purchase", "event_timestamp": "1612000000000000",
   "user_pseudo_id": "1.2", "user_id": None,
   "items": [GA4_ITEM, GA4_ITEM | {"item_id": "s2", "item_category2": "Cups"}]},
]  # fmt: skip

# Name, files, the first item and the first event as they are read.
FOLDERS = [
  (
    "movielens",
    {
      "u.item": "1|Amélie (2001)|01-Jan-2001||http|0|1\n".encode("latin-1"),
      "u.data": b"196\t1\t3\t881250949\n",
    },
    {"item_id": "1", "text": "Amélie (2001)"},
    {"user_id": "196", "item_id": "1", "time": "881250949"},
  ),
  (
    "movielens",
    {
      "movies.dat": b"1::Toy Story (1995)::Animation|Comedy\n",
      "ratings.dat": b"1::1::5::978300760\n",
    },
    {
      "item_id": "1",
      "text": "Toy Story (1995)",
      "category": "Animation|Comedy",
    },
    {"user_id": "1", "item_id": "1", "time": "978300760"},
  ),
  (
    "movielens",
    {
      "movies.csv": b'movieId,title,genres\n1,"Big, The",Drama\n',
      "ratings.csv": b"userId,movieId,rating,timestamp\n7,1,4.0,964982703\n",
    },
    {"item_id": "1", "text": "Big, The", "category": "Drama"},
    {"user_id": "7", "item_id": "1", "time": "964982703"},
  ),
  (
    "amazon",  # 2014: Python literals.
    {
      "meta_Beauty.json.gz": gzip.compress(
        b"{'asin': 'B1', 'title': \"Ann's\", 'price': 9.5,"
        b" 'categories': [['Beauty', 'Hair']]}\n"
      ),
      "reviews_Beauty_5.json.gz": gzip.compress(
        b'{"reviewerID": "A1", "asin": "B1", "unixReviewTime": 1400000000}\n'
      ),
    },
    {"item_id": "B1", "text": "Ann's", "value": "9.5"},
    {"user_id": "A1", "item_id": "B1", "time": "1400000000"},
  ),
  (
    "amazon",  # 2018: ratings without a header, items first.
    {
      "meta_All_Beauty.json": b'{"asin": "B1", "title": "x", "price": "$9"}\n',
      "All_Beauty.csv": b"B1,A1,5.0,1400000000\n",
    },
    {"item_id": "B1", "text": "x", "value": "$9"},
    {"user_id": "A1", "item_id": "B1", "time": "1400000000"},
  ),
  (
    "amazon",  # 2023: parents, with a header.
    {
      "meta_All_Beauty.jsonl": b'{"parent_asin": "P1", "title": "x"}\n',
      "All_Beauty.csv": b"user_id,parent_asin,rating,timestamp\n"
      b"A1,P1,5.0,1400000000000\n",
    },
    {"item_id": "P1", "text": "x"},
    {"user_id": "A1", "item_id": "P1", "time": "1400000000000"},
  ),
  (
    "retailrocket",
    {
      "item_properties_part1.csv": b"timestamp,itemid,property,value\n"
      b"20,7,categoryid,12\n10,7,categoryid,9\n10,8,790,n5.000\n",
      "item_properties_part2.csv": b"timestamp,itemid,property,value\n"
      b"10,7,888,15 n36 x\n30,7,790,n12.000\n",
      "events.csv": b"timestamp,visitorid,event,itemid,transactionid\n"
      b"1433221332117,257597,view,7,\n",
    },
    {"item_id": "7", "text": "15 n36 x", "category": "12", "value": "12.000"},
    {
      "user_id": "257597",
      "item_id": "7",
      "time": "1433221332117",
      "event": "view",
    },
  ),
  (
    "instacart",
    {
      "products.csv": b"product_id,product_name,aisle_id,department_id\n"
      b"1,Milk,3,4\n",
      "aisles.csv": b"aisle_id,aisle\n3,dairy\n",
      "departments.csv": b"department_id,department\n4,food\n",
      "orders.csv": b"order_id,user_id,eval_set,order_number\n9,u1,prior,2\n",
      "order_products__prior.csv": b"order_id,product_id\n9,1\n",
      "order_products__train.csv": b"order_id,product_id\n9,1\n",
    },
    {"item_id": "1", "text": "Milk", "category": f"food{LIST_SEPARATOR}dairy"},
    {"user_id": "u1", "item_id": "1", "order": "2"},
  ),
  (
    "hm",
    {
      "articles.csv": b"article_id,prod_name,product_type_name,"
      b"colour_group_name,detail_desc,index_group_name,index_name\n"
      b"0108,Strap top,Vest,Black,Jersey top,Ladies,Ladieswear\n",
      "transactions_train.csv": b"t_dat,customer_id,article_id,price\n"
      b"2018-09-20,c1,0108,0.05\n",
    },
    {
      "item_id": "0108",
      "text": "Strap top Vest Black Jersey top",
      "category": LIST_SEPARATOR.join(["Ladies", "Ladieswear", "Vest"]),
    },
    {
      "user_id": "c1",
      "item_id": "0108",
      "time": "2018-09-20",
      "value": "0.05",
    },
  ),
  (
    "mind",
    {
      "news.tsv": b'N1\tsports\tgolf\t"Weird Al" swings\tabout\thttp\t[]\t[]\n',
      "behaviors.tsv": b"1\tU1\t11/11/2019 9:05:58 AM\tN1\tN1-1 N2-0\n",
    },
    {
      "item_id": "N1",
      "text": '"Weird Al" swings',
      "category": f"sports{LIST_SEPARATOR}golf",
    },
    {"user_id": "U1", "item_id": "N1", "event": "click", "session": "1"},
  ),
  (
    "recbole",
    {
      "ml.item": b"item_id:token\tmovie_title:token_seq\tclass:token_seq\n"
      b"1\tToy Story\tComedy\n",
      "ml.inter": b"user_id:token\titem_id:token\ttimestamp:float\n"
      b"196\t1\t881250949\n",
    },
    {"item_id": "1", "text": "Toy Story", "category": "Comedy"},
    {"user_id": "196", "item_id": "1", "time": "881250949"},
  ),
  (
    "ga4",
    {"events.jsonl": "\n".join(map(json.dumps, GA4_EVENTS)).encode()},
    {"item_id": "s1", "text": "Mug", "category": "Home", "value": "4.5"},
    {
      "user_id": "1.2",
      "item_id": "s1",
      "time": "1612000000000000",
      "event": "purchase",
      "value": "4.5",
    },
  ),
]


def _write(folder: Path, files: dict[str, bytes]) -> Path:
  for name, data in files.items():
    (folder / name).write_bytes(data)
  return folder


def _read(name: str, folder: Path, columns: dict[str, str] | None = None):
  items, events = format_sources(name, folder)
  return read_tables(items, events, columns or {}, progress=lambda line: None)


@pytest.mark.parametrize(("name", "files", "item", "event"), FOLDERS)
def test_a_folder_gives_items_and_events(tmp_path, name, files, item, event):
  items, events = _read(name, _write(tmp_path, files))
  first = items.frame.rows(named=True)[0]
  assert {key: first[key] for key in item} == item
  first = events.frame.rows(named=True)[0]
  assert {key: first[key] for key in event} == event
  for table in (items, events):
    assert table.frame.height + table.rejects.height == table.rows_read


def test_every_format_is_tried():
  assert {name for name, *_ in FOLDERS} == set(FORMATS)


def test_columns_that_a_user_names_come_before_those_of_a_format(tmp_path):
  folder = _write(
    tmp_path,
    {
      "movies.csv": b"movieId,title,plot\n1,a,b\n",
      "ratings.csv": b"userId,movieId,timestamp\n7,1,9\n",
    },
  )
  items, _ = _read("movielens", folder, {"text": "plot"})
  assert items.frame["text"].to_list() == ["b"]


def test_files_that_a_user_names_are_read_as_their_names_say(tmp_path):
  _write(tmp_path, {"u.item": b"1|a|b\n", "u.data": b"1\t1\t2\t3\n"})
  given = Source((tmp_path / "u.item",), header=("item_id", "x", "text"))
  items, events = format_sources("movielens", tmp_path, items=given)
  assert items.header == ("item_id", "x", "text")
  assert items.delimiter == "|"
  assert events.paths == (tmp_path / "u.data",)


def test_a_folder_without_the_files_is_one_line_that_names_them(tmp_path):
  with pytest.raises(ValueError, match=r"no items of --format=mind: news\.tsv"):
    format_sources("mind", tmp_path)
  with pytest.raises(ValueError, match="is none of movielens, amazon"):
    format_sources("netflix", tmp_path)


def test_lists_of_items_in_parquet_are_read_as_in_json(tmp_path):
  frame = pl.DataFrame(
    {
      "event_name": ["view_item"],
      "event_timestamp": [1612000000000000],
      "user_pseudo_id": ["1.2"],
      "items": [[GA4_ITEM, GA4_ITEM | {"item_id": "s2"}]],
    }
  )
  frame.write_parquet(tmp_path / "events_20210131.parquet")
  items, events = _read("ga4", tmp_path)
  assert items.frame["item_id"].to_list() == ["s1", "s2"]
  assert events.frame["item_id"].to_list() == ["s1", "s2"]
  assert events.frame["row"].to_list() == [1, 1]
