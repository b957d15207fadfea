"""Parts and joined files are one table, and every row keeps its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.delimited import read_csv
from gr_jax.data.imports.joins import (
  combine,
  concatenate,
  group_parts,
  shared_columns,
)
from gr_jax.data.imports.json_rows import read_json
from tests.data.imports.packed_bytes import text_of

PRODUCTS = "product_id,name,aisle_id\n1,milk,a\n2,soap,b\n3,rum,\n"
AISLES = "aisle_id,aisle,department_id\na,dairy,x\nb,care,y\n"
DEPARTMENTS = "department_id,department\nx,food\ny,home\n"
ORDERS = "order_id,user_id\no1,ann\no2,bob\n"
LINES = "order_id,product_id\no2,1\no1,2\no1,1\n"


def _table(text: str, file: str = "t.csv"):
  return read_csv(text_of(text), wanted=None, file=file)


def test_names_are_looked_up_through_several_files():
  # Departments share nothing with products: they wait for the aisles.
  tables = [_table(x) for x in (PRODUCTS, DEPARTMENTS, AISLES)]
  whole = combine(group_parts(tables), ())
  assert whole.frame.select("row", "name", "aisle", "department").rows() == [
    (2, "milk", "dairy", "food"),
    (3, "soap", "care", "home"),
    (4, "rum", None, None),
  ]
  assert whole.notes[0] == "t.csv is joined with t.csv on aisle_id."
  assert "1 rows have a aisle_id" in whole.notes[1]


@pytest.mark.parametrize("texts", [(ORDERS, LINES), (LINES, ORDERS)])
def test_lines_get_the_fields_of_their_order_in_any_order(texts):
  whole = combine(group_parts([_table(text) for text in texts]), ())
  assert whole.frame.select("row", "user_id", "product_id").rows() == [
    (2, "bob", "1"),
    (3, "ann", "2"),
    (4, "ann", "1"),
  ]


@given(st.lists(st.lists(st.booleans(), max_size=4), min_size=1, max_size=4))
def test_rows_of_parts_are_named_by_their_file_and_line(parts):
  texts = [
    "a,b\n" + "".join("1,2\n" if good else "3\n" for good in rows)
    for rows in parts
  ]
  tables = [_table(text, f"p{i}.csv") for i, text in enumerate(texts)]
  whole = concatenate(tables)
  assert whole.frame["row"].is_unique().all()
  assert whole.frame["row"].is_sorted()
  dropped = whole.drop(whole.frame["a"].is_not_null(), "all")
  found = set(dropped.rejects.select("file", "row").rows())
  assert found == {
    (f"p{i}.csv", j + 2)
    for i, rows in enumerate(parts)
    for j in range(len(rows))
  }
  assert dropped.rejects.height == dropped.rows_read == sum(map(len, parts))


@pytest.mark.parametrize(
  ("texts", "keys", "message"),
  [
    (("a,b\n1,2\n", "c,d\n1,2\n"), (), "shares no column with"),
    (
      ("a,b,c\n1,2,3\n", "a,b,d\n1,2,3\n"),
      (),
      "share the columns a, b: name the key of the two, --join=a",
    ),
    (("a,b\n1,2\n", "a,c\n1,2\n"), ("x",), "--join=x names none of them"),
    (
      ("a,b\n1,2\n1,3\n", "a,c\n1,2\n2,2\n1,3\n"),
      (),
      "has a '1' in rows 2 and 4; of two files that are joined",
    ),
    (
      ("a,b\n01,2\n", "a,c\n1,2\n"),
      (),
      "No row of t.csv finds its a in t.csv: the one has '01', the other '1'",
    ),
  ],
)
def test_keys_that_do_not_join_are_one_line(texts, keys, message):
  with pytest.raises(ValueError, match=message):
    combine(group_parts([_table(text) for text in texts]), keys)


def test_a_named_key_joins_files_that_share_other_columns():
  left, right = _table("a,b\n1,2\n"), _table("a,b,c\n1,9,3\n")
  whole = combine([[left], [right]], ("a",))
  assert whole.frame.rows() == [(2, "1", "2", "3")]


def test_parts_of_json_need_not_have_all_columns():
  def read(text):
    return read_json([text], {}, wanted={"a", "b"}, file="t.json")

  full, less = (
    read('{"a": 1, "b": 2}'),
    read('{"a": 3, "c": 4, "b": 5, "d": 6}'),
  )
  other = read('{"a": 1, "x": 2, "y": 3}')
  groups = group_parts([full, other, read('{"b": 1, "a": 2}'), less])
  assert [len(group) for group in groups] == [2, 1, 1]
  assert shared_columns(groups) == {"a", "b"}
