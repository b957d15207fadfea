"""A file is read by its ending, or the error says what to do."""

import gzip

import polars as pl
import pytest

from gr_jax.data.imports.read import read_table, read_tables
from gr_jax.data.imports.source import Source, parse_source


def _read(path, **kwargs):
  return read_table(path, wanted={"a"}, file=path.name, **kwargs)


@pytest.mark.parametrize(
  ("name", "content"),
  [
    ("t.csv", b"a,b\n1,2\n"),
    ("t.CSV", b"\xef\xbb\xbfa;b\r\n1;2\r\n"),
    ("t.tsv", b"b\ta\n2\t1"),
    ("t.v2.csv", b"a\n1\n"),
    ("t.jsonl", b'{"a": 1}\n'),
    ("t.ndjson.gz", gzip.compress(b'{"a": "1"}', mtime=0)),
    ("t.csv.gz", gzip.compress(b"a\n1\n", mtime=0)),
    ("t.data", b"a\tb\n1\t2\n"),
    ("t", b"a::b\n1::2\n"),
    ("t.dump", b'{"a": 1}\n{"a": null}\n'),
    ("t.csv", "a,b\n1,\u00e9\n".encode("utf-16")),
    ("t.csv", b'{"a": 1}\n{"a": 2}\n'),
    ("t.csv", gzip.compress(b"a\n1\n", mtime=0)),
  ],
)
def test_every_ending_reads_the_same_column(tmp_path, name, content):
  path = tmp_path / name
  path.write_bytes(content)
  assert _read(path).frame["a"][0] == "1"


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("t.xlsx", b"PK\x03\x04", "not a whole zip file"),
    ("t", bytes(range(256)) * 9, "is no text"),
    ("t.parquet", b"a,b\n1,2\n", "not readable Parquet"),
    ("t.csv", b"\n \n", "is empty"),
    ("t.jsonl", b"", "is empty"),
    ("t.csv.gz", b"a,b\n", "not a whole gzip file"),
    (
      "t.csv.gz",
      gzip.compress(b"a,b\n" * 99, mtime=0)[:-9],
      "not a whole gzip file",
    ),
  ],
)
def test_a_file_that_cannot_be_read_is_an_error(
  tmp_path, name, content, message
):
  path = tmp_path / name
  path.write_bytes(content)
  with pytest.raises(ValueError, match=message):
    _read(path)


def test_a_missing_file_is_an_error(tmp_path):
  with pytest.raises(FileNotFoundError, match="No file"):
    _read(tmp_path / "t.csv")


def test_texts_come_on_one_line_under_our_names(tmp_path):
  items, events = tmp_path / "i.csv", tmp_path / "e.csv"
  items.write_text('sku,name\n1,"two\n  lines"\n')
  events.write_text("who,sku\nann,1\n")
  columns = {"item_id": "sku", "text": "name", "user_id": "who"}
  a, b = read_tables(items, events, columns, progress=lambda line: None)
  assert a.frame.rows(named=True) == [
    {"row": 2, "item_id": "1", "text": "two lines"}
  ]
  assert b.frame.columns == ["row", "user_id", "item_id"]


def test_packed_parquet_of_any_name_is_read(tmp_path):
  pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "t")
  raw = (tmp_path / "t").read_bytes()
  for name, data in (("t.csv", raw), ("t.parquet.gz", gzip.compress(raw))):
    (tmp_path / name).write_bytes(data)
    assert _read(tmp_path / name).frame["a"].to_list() == ["1"]


def test_files_of_a_source_are_one_table_with_its_columns(tmp_path):
  for name, text in {
    "lines1.csv": "order,sku\no1,x\n",
    "lines2.csv": "order,sku\no2,y\n",
    "orders.csv": "order,who,when\no1,ann,1\no2,bob,2\n",
    "items.csv": "sku,name\nx,pen\ny,cup\n",
  }.items():
    (tmp_path / name).write_text(text)
  source = parse_source(
    f"{tmp_path}/lines*.csv,{tmp_path}/orders.csv", flag="--events"
  )
  columns = {"item_id": "sku", "text": "name", "user_id": "who"}
  said = []
  _, events = read_tables(
    tmp_path / "items.csv", source, columns | {"time": "when"},
    progress=said.append,
  )  # fmt: skip
  assert events.frame.rows() == [(2, "ann", "x", "1"), (4, "bob", "y", "2")]
  assert events.file == "lines1.csv + 1"


def test_columns_of_a_format_are_taken_where_they_are_and_given_ones_win(
  tmp_path,
):
  (tmp_path / "i.csv").write_text("asin,title,name\n1,a,b\n")
  (tmp_path / "e.csv").write_text("who,asin\nann,1\n")
  offered = {"item_id": "sku|asin", "text": "title", "value": "price"}
  items = Source((tmp_path / "i.csv",), columns=offered)
  events = Source(
    (tmp_path / "e.csv",), columns={"item_id": "asin", "user_id": "user|who"}
  )
  for given, text in (({}, "a"), ({"text": "name"}, "b")):
    a, b = read_tables(items, events, given, progress=lambda line: None)
    assert a.frame.rows() == [(2, "1", text)]
    assert b.frame.rows() == [(2, "ann", "1")]
