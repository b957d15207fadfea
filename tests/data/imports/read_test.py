"""A file is read by its ending, or the error says what to do."""

import gzip

import pytest

from gr_jax.data.imports.read import read_table, read_tables


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
  ],
)
def test_every_ending_reads_the_same_column(tmp_path, name, content):
  path = tmp_path / name
  path.write_bytes(content)
  assert _read(path).frame["a"].to_list() == ["1"]


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("t.xlsx", b"x", "not of a known kind: .csv"),
    ("t", b"x", "not of a known kind: .csv"),
    ("t.csv", b"\n \n", "is empty"),
    ("t.jsonl", b"", "is empty"),
    ("t.csv", "a,b\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
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
