"""A catalogue survives saving, and refuses parts that do not fit."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest

from gr_jax.data.catalogue import Catalogue, category_columns, object_array

names = st.text(
  st.characters(codec="utf-8", exclude_characters=">"), max_size=4
)


def small_catalogue(paths=(("a", "b"), ("a",), ())) -> Catalogue:
  n = len(paths)
  categories, category_names = category_columns(paths)
  return Catalogue(
    item_ids=object_array([f"id {i}" for i in range(n)]),
    texts=object_array([f"text é {i}" for i in range(n)]),
    categories=categories,
    category_names=category_names,
    values=np.linspace(0, 1, n, dtype=np.float32),
    popularity=np.arange(n, dtype=np.int64),
  )


def with_fields(catalogue: Catalogue, columns) -> Catalogue:
  fields = np.empty((len(catalogue), len(columns)), object)
  for place, values in enumerate(columns.values()):
    fields[:, place] = values
  return dataclasses.replace(
    catalogue, fields=fields, field_names=tuple(columns)
  )


def assert_same(left: Catalogue, right: Catalogue):
  assert left.category_names == right.category_names
  assert left.field_names == right.field_names
  for name in (
    "item_ids",
    "texts",
    "categories",
    "values",
    "popularity",
    "fields",
    "free",
  ):
    a, b = getattr(left, name), getattr(right, name)
    np.testing.assert_array_equal(a, b, err_msg=name)
    assert a.dtype == b.dtype


def test_attributes_are_saved_and_a_catalogue_of_before_has_none(tmp_path):
  catalogue = small_catalogue()
  catalogue.save(tmp_path)
  assert not Catalogue.load(tmp_path).attributes
  brands = pl.Series(["Ålesund", None, ""])
  dataclasses.replace(catalogue, attributes={"brand": brands}).save(tmp_path)
  (loaded,) = Catalogue.load(tmp_path).attributes.values()
  assert loaded.to_list() == brands.to_list()
  with pytest.raises(ValueError, match="2 rows of String; give 3 of text"):
    dataclasses.replace(catalogue, attributes={"brand": brands[:2]})


@hypothesis.given(st.lists(st.lists(names, max_size=3), max_size=6))
def test_save_then_load_changes_no_bit(tmp_path_factory, paths):
  catalogue = small_catalogue(paths)
  directory = tmp_path_factory.mktemp("catalogue")
  catalogue.save(directory)
  assert_same(catalogue, Catalogue.load(directory))


@hypothesis.given(st.lists(st.lists(names, max_size=3), max_size=6))
def test_category_columns_spell_the_paths(paths):
  categories, category_names = category_columns(paths)
  for row, path in enumerate(paths):
    spelled = [
      category_names[d][index]
      for d, index in enumerate(categories[row])
      if index >= 0
    ]
    assert spelled == [" > ".join(path[: d + 1]) for d in range(len(path))]


def test_category_indices_do_not_depend_on_item_order():
  paths = [["b", "x"], ["a", "y"], ["a"]]
  categories, category_names = category_columns(paths)
  reversed_categories, reversed_names = category_columns(paths[::-1])
  assert category_names == reversed_names
  np.testing.assert_array_equal(categories, reversed_categories[::-1])


def test_category_name_with_separator_is_refused():
  with pytest.raises(ValueError, match="split it into a path"):
    category_columns([["a > b"]])


@pytest.mark.parametrize(
  ("field", "value", "message"),
  [
    ("item_ids", object_array(["a", "b", "a"]), "given twice, in rows 0 and 2"),
    ("texts", object_array(["a"]), "1 rows for 3 item_ids"),
    ("values", np.zeros(3), "convert it to float32"),
    ("values", np.array([0, np.nan, 0], np.float32), r"values\[1\] is nan"),
    ("popularity", np.array([0, -1, 0]), "negative count -1"),
    ("categories", np.zeros((3, 1), np.int32), "one column per depth"),
    ("categories", np.full((3, 2), 7, np.int32), "is 7, outside"),
    (
      "categories",
      np.array([[-1, 0]] * 3, np.int32),
      "below an unknown category",
    ),
  ],
)
def test_wrong_fields_are_refused_with_one_line(field, value, message):
  with pytest.raises(ValueError, match=message) as error:
    dataclasses.replace(small_catalogue(), **{field: value})
  assert "\n" not in str(error.value)


@hypothesis.given(
  st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=4).filter(
      lambda name: name != "item_id"
    ),
    st.lists(st.none() | names, min_size=3, max_size=3),
    max_size=3,
  )
)
def test_saved_fields_are_the_same_also_where_none_is_known(
  tmp_path_factory, columns
):
  catalogue = with_fields(small_catalogue(), columns)
  directory = tmp_path_factory.mktemp("catalogue")
  catalogue.save(directory)
  assert_same(catalogue, Catalogue.load(directory))


def test_without_fields_the_files_are_those_of_a_catalogue_that_knew_none(
  tmp_path,
):
  """Catalogues saved before there were fields load, and mean the same."""
  catalogue = small_catalogue()
  assert catalogue.fields.shape == (3, 0)
  catalogue.save(tmp_path)
  assert pl.read_parquet_schema(tmp_path / "items.parquet").names() == [
    "item_id",
    "text",
    "value",
    "popularity",
    "category_0",
    "category_1",
  ]


def test_fields_are_found_by_name_in_any_order():
  catalogue = with_fields(
    small_catalogue(), {"account": ["a", None, "b"], "conversion": ["x"] * 3}
  )
  found = catalogue.fields_of(["conversion", "item_id", "account"])
  assert found.tolist() == [
    ["x", "id 0", "a"],
    ["x", "id 1", None],
    ["x", "id 2", "b"],
  ]
  assert catalogue.fields_of([]).shape == (3, 0)
  with pytest.raises(
    ValueError, match=r"no field 'brand'; it has item_id, account, conversion\."
  ):
    catalogue.fields_of(["item_id", "brand"])


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"field_names": ("a",)}, r"shape \(3, 0\) for the field_names"),
    ({"fields": np.full((3, 1), "x", object)}, "give one column per name"),
    (
      {"fields": np.full((3, 2), "x", object), "field_names": ("a", "a")},
      "give distinct names",
    ),
    (
      {"fields": np.full((3, 1), "x", object), "field_names": ("item_id",)},
      "none 'item_id'",
    ),
    (
      {"fields": np.full((2, 1), "x", object), "field_names": ("a",)},
      "2 rows for 3 item_ids",
    ),
    (
      {"fields": np.full((3, 1), 7, object), "field_names": ("a",)},
      r"fields\[0, 0\] is 7; write the a as a str",
    ),
  ],
)
def test_wrong_columns_of_fields_are_refused(changes, message):
  with pytest.raises(ValueError, match=message):
    dataclasses.replace(small_catalogue(), **changes)


def test_what_is_free_is_stored_where_anything_is(tmp_path):
  catalogue = small_catalogue([["A"], ["B"]])
  assert not catalogue.free.any()
  catalogue.save(tmp_path)
  assert "free" not in pl.read_parquet_schema(tmp_path / "items.parquet")
  free = np.array([False, True])
  zero = np.zeros(2, np.float32)
  given = dataclasses.replace(catalogue, values=zero, free=free)
  given.save(tmp_path)
  loaded = Catalogue.load(tmp_path)
  assert loaded.free.tolist() == loaded.priced.tolist() == [False, True]
  np.testing.assert_array_equal(loaded.prices, np.array([np.nan, 0], "f4"))


def test_loading_from_an_empty_folder_names_the_missing_file(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"items\.parquet missing"):
    Catalogue.load(tmp_path)
