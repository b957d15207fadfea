"""A table of IDs is the same in every kind of file."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers.id_table import load_id_table

ITEMS = np.array(["B1", "B2", "B3"], object)
CODES = [[12, 3], [0, 255], [12, 4]]


def _write(folder, kind):
  path = folder / f"ids.{kind.partition(' ')[0]}"
  ids = ["B3", "B1", "B2", "other"]
  codes = [CODES[2], CODES[0], CODES[1], [7, 7]]
  words = [[f"<a_{a}>", f"<b_{b}>"] for a, b in codes]
  if kind == "json words":
    path.write_text(json.dumps(dict(zip(ids, words))))
  elif kind == "json numbers":
    path.write_text(json.dumps(dict(zip(ids, codes)), indent=1))
  elif kind == "json text":
    path.write_text(json.dumps(dict(zip(ids, map("".join, words)))))
  elif kind == "csv columns":
    rows = [f"{i},{a},{b}" for i, (a, b) in zip(ids, codes)]
    path.write_text("\n".join(["item_id,code_0,code_1", *rows]))
  elif kind == "csv word":
    rows = [f"{i},{a}-{b}" for i, (a, b) in zip(ids, codes)]
    path.write_text("\n".join(["item_id,sid", *rows]))
  elif kind == "parquet list":
    pl.DataFrame({"item_id": ids, "codes": codes}).write_parquet(path)
  else:
    first, second = zip(*codes)
    frame = pl.DataFrame({"item_id": ids, "a": first, "b": second})
    frame.with_columns(pl.col("a").cast(pl.Float64)).write_parquet(path)
  return path


@pytest.mark.parametrize(
  "kind",
  [
    "json words", "json numbers", "json text", "csv columns", "csv word",
    "parquet list", "parquet columns",
  ],
)  # fmt: skip
def test_codes_are_those_of_the_catalogues_rows(tmp_path, kind):
  codes, sizes = load_id_table(_write(tmp_path, kind), ITEMS)
  assert codes.tolist() == CODES
  assert codes.dtype == np.int32
  assert sizes == (13, 256)


@given(
  st.lists(
    st.lists(st.integers(0, 300), min_size=1, max_size=4),
    min_size=1,
    max_size=6,
  )
)
def test_any_codes_come_back_and_may_end_early(tmp_path_factory, rows):
  path = tmp_path_factory.getbasetemp() / "any.json"
  ids = [str(i) for i in range(len(rows))]
  path.write_text(json.dumps(dict(zip(ids, rows))))
  codes, sizes = load_id_table(path, np.array(ids, object))
  for row, given_row in zip(codes.tolist(), rows):
    ends = [-1] * (len(row) - len(given_row))
    shift = np.array(given_row) - np.array(row[: len(given_row)])
    assert (shift >= 0).all()
    assert row[len(given_row) :] == ends
  assert (codes < np.array(sizes)).all()


def test_levels_that_go_on_behind_each_other_begin_at_0(tmp_path):
  path = tmp_path / "ids.json"
  path.write_text('{"B1": [3, 10, 21], "B2": [5, 12, 20], "B3": [3, 11, 20]}')
  codes, sizes = load_id_table(path, ITEMS)
  assert codes.tolist() == [[0, 0, 1], [2, 2, 0], [0, 1, 0]]
  assert sizes == (3, 3, 2)


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ('{"B1": [1], "B2": [1]}', "no codes for 1 of 3 items, the first 'B3'"),
    ('{"0": [1]}', "3 of 3 items, the first 'B1'; its own are like '0'"),
    ('{"B1": [1], "B1": [2]}', "gives item 'B1' more than once"),
    ('{"B1": [], "B2": [1], "B3": [1]}', "gives item 'B1'"),
    ('{"B1": [-3, 1], "B2": [1], "B3": [1]}', "gives item 'B1'"),
    ('{"B1": {"a": 1}, "B2": [1], "B3": [1]}', "gives item 'B1'"),
    ('{"B1": [1e99], "B2": [1], "B3": [1]}', "gives item 'B1'"),
    ('{"B1": [12345678], "B2": [1], "B3": [1]}', "from 0 to 1,048,575"),
    ("[1]", "no JSON object"),
    ("{", "is no JSON"),
  ],
)
def test_what_is_no_table_is_one_line(tmp_path, text, said):
  path = tmp_path / "ids.json"
  path.write_text(text)
  with pytest.raises(ValueError, match=said) as error:
    load_id_table(path, ITEMS)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("name", "text", "said"),
  [
    ("ids.csv", "item,code\nB1,2\n", "it needs item_id and the codes"),
    ("ids.csv", "item_id\nB1\n", "it needs item_id and the codes"),
    ("ids.csv", "item_id,c\nB1,2\nB1,3\n", "gives item 'B1' more than once"),
    ("ids.csv", "", "cannot be read"),
    ("ids.parquet", "no", "cannot be read"),
    ("ids.npy", "no", "is not supported"),
  ],
)
def test_other_files_are_one_line(tmp_path, name, text, said):
  (tmp_path / name).write_text(text)
  with pytest.raises(ValueError, match=said) as error:
    load_id_table(tmp_path / name, ITEMS)
  assert "\n" not in str(error.value)
  with pytest.raises(FileNotFoundError, match="No table of IDs"):
    load_id_table(tmp_path / "none.json", ITEMS)
