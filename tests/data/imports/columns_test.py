"""Columns are found by our names or by the user's, or the error helps."""

import pytest

from gr_jax.data.imports.columns import (
  attribute_columns,
  check_names,
  known_words,
  parse_attributes,
  parse_pairs,
  parts_of,
  resolve_columns,
  source_columns,
)

FILES = {"item_file": "i.csv", "event_file": "e.csv"}


def test_mapping_is_read_as_written():
  found = parse_pairs(" item_id=asin, time = ts,", flag="--columns")
  assert found == {"item_id": "asin", "time": "ts"}
  assert parse_pairs("", flag="--columns") == {}


def test_attributes_have_the_names_of_their_columns_or_their_own():
  given = parse_attributes("brand, image = img_url,")
  assert given == {"brand": "brand", "image": "img_url"}
  found = attribute_columns(given, ["brand", "img_url"], file="i.csv")
  assert found == {"attribute_brand": "brand", "attribute_image": "img_url"}
  with pytest.raises(ValueError, match=r"no column 'brand' \(did you mean 'Br"):
    attribute_columns(given, ["Brand"], file="i.csv")
  with pytest.raises(ValueError, match="--attributes names 'a' twice"):
    parse_attributes("a,a=b")


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("item_id", "has 'item_id'; write it as"),
    ("item_id=", "has 'item_id='; write it as"),
    ("item_id=a,item_id=b", "names 'item_id' twice"),
    ("itemid=a", r"'itemid' \(did you mean 'item_id'\?\); the names are"),
    ("items.time=a", "does not know 'items.time'"),
    ("users.item_id=a", "does not know 'users.item_id'"),
  ],
)
def test_bad_mapping_is_an_error(text, message):
  with pytest.raises(ValueError, match=message):
    check_names(parse_pairs(text, flag="--columns"))


def test_a_shared_name_falls_back_to_ours_where_theirs_is_missing():
  items, events = resolve_columns(
    {"item_id": "asin"},
    items=["asin", "text"],
    events=["user_id", "item_id", "value"],
    **FILES,
  )
  assert items == {"item_id": "asin", "text": "text"}
  assert events == {
    "user_id": "user_id",
    "item_id": "item_id",
    "value": "value",
  }


def test_the_two_files_may_name_the_same_thing_differently():
  items, events = resolve_columns(
    {"items.item_id": "sku", "events.item_id": "product"},
    items=["sku", "text"],
    events=["user_id", "product"],
    **FILES,
  )
  assert items["item_id"] == "sku"
  assert events["item_id"] == "product"


def test_a_column_that_is_nowhere_lists_those_that_are():
  with pytest.raises(ValueError, match="did you mean 'Price'") as caught:
    resolve_columns(
      {"value": "prize"},
      items=["item_id", "text", "Price"],
      events=["user_id", "item_id"],
      **FILES,
    )
  assert "i.csv has item_id, text, Price" in str(caught.value)
  assert "e.csv has user_id, item_id" in str(caught.value)


def test_a_required_column_must_be_there():
  with pytest.raises(ValueError, match=r"i.csv has no column 'text' .*'Text'"):
    resolve_columns(
      {}, items=["item_id", "Text"], events=["user_id", "item_id"], **FILES
    )


def test_what_is_no_table_is_one_short_line():
  names = ["\x00" * 5000, "a\x1b[2J", *(f"c{i}" for i in range(100))]
  with pytest.raises(ValueError, match="has no column 'user_id'") as refusal:
    resolve_columns(
      {}, items=["item_id", "text"], events=names, item_file="i", event_file="e"
    )
  text = str(refusal.value)
  assert text.isprintable()
  assert "'a\\x1b[2J', c0, c1, " in text
  assert "72 more" in text
  assert len(text) < 500


@pytest.mark.parametrize("columns", [{}, {"split": "fold"}])
def test_an_order_beside_times_must_be_asked_for(columns):
  """It may number the orders of a shop."""
  events = ["user_id", "item_id", "time", "order", "fold"]
  items = ["item_id", "text"]
  _, found = resolve_columns(columns, items=items, events=events, **FILES)
  assert "order" not in found
  for name in ("order", "events.order"):
    _, found = resolve_columns(
      columns | {name: "order"}, items=items, events=events, **FILES
    )
    assert found["order"] == "order"
  events.remove("time")
  _, found = resolve_columns(columns, items=items, events=events, **FILES)
  assert found["order"] == "order"


def test_words_given_come_before_those_known():
  words, numbers = {"a": "aa ab", "b": "ba"}, {"a": 1, "b": 2}
  found = known_words(words, numbers, {"AB": "b", "c": "a"}, flag="--f")
  assert found == {"aa": 1, "ab": 2, "ba": 2, "c": 1}
  with pytest.raises(ValueError, match="--f=x=c: 'c' is none of a, b"):
    known_words(words, numbers, {"x": "c"}, flag="--f")


def test_several_columns_make_a_text_or_a_path():
  items, events = ["id", "title", "brand", "a+b"], ["user_id", "item_id"]
  columns = {"items.item_id": "id", "text": "title+brand", "category": "a+b"}
  found, _ = resolve_columns(columns, items=items, events=events, **FILES)
  assert (found["text"], found["category"]) == ("title+brand", "a+b")
  assert parts_of("title+brand", items) == ["title", "brand"]
  assert parts_of("a+b", items) == ["a+b"]
  assert {"title", "brand", "title+brand"} <= source_columns(columns)


@pytest.mark.parametrize(
  ("columns", "said"),
  [
    ({"text": "title+brnd"}, "no column 'brnd' .did you mean 'brand'"),
    ({"value": "title+brand"}, "only text and category join several columns"),
    ({"value": "title+price"}, "no column 'title.price'"),
  ],
)
def test_what_cannot_be_joined_is_named(columns, said):
  items, events = ["item_id", "text", "title", "brand"], ["user_id", "item_id"]
  with pytest.raises(ValueError, match=said):
    resolve_columns(columns, items=items, events=events, **FILES)
