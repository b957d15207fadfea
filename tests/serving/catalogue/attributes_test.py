"""Columns of attributes are what dictionaries by row would be, and values."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.serving.catalogue.attributes import (
  MOST_NAMES,
  attributes_of,
  check_names,
  passing,
  with_attributes,
)
from gr_jax.serving.requests import Invalid

ROWS = 6
GIVEN = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "é", ""]))
CHANGES = st.lists(st.dictionaries(st.integers(0, ROWS - 1), GIVEN), max_size=5)


def changed(columns, change):
  rows = np.array(list(change), np.int64)
  return with_attributes(columns, rows, list(change.values()))


@hypothesis.settings(max_examples=50)
@hypothesis.given(
  CHANGES, st.sampled_from("abc"), st.sets(st.sampled_from("xé"))
)
def test_columns_are_dictionaries_by_row(changes, name, values):
  columns, known, versions = {}, {}, []
  for change in changes:
    columns = changed(columns, change)
    known = known | change
    versions.append((columns, known))
  for columns, known in versions:  # No version changes later.
    found = {row: attributes_of(columns, row) for row in range(ROWS)}
    assert found == {row: known.get(row, {}) for row in range(ROWS)}
  if name in columns:
    mask = passing(columns, {name: sorted(values)}, rows=ROWS)
    assert mask.tolist() == [
      known.get(row, {}).get(name) in values for row in range(ROWS)
    ]


def test_every_name_must_fit_and_any_value_of_it_will_do():
  columns = changed({}, {0: {"a": "x", "b": "y"}, 2: {"a": "z"}})
  assert passing(columns, {"a": ["x", "z"]}, rows=4).tolist() == [1, 0, 1, 0]
  wanted = {"a": ["x", "z"], "b": ["y"]}
  assert passing(columns, wanted, rows=4).tolist() == [1, 0, 0, 0]


def test_an_unknown_name_is_said_with_those_that_are_known():
  columns = changed({}, {0: {"brand": "x"}})
  with pytest.raises(Invalid, match="names 'brnd'; the catalogue has 'brand'"):
    passing(columns, {"brnd": ["x"]}, rows=1)
  with pytest.raises(Invalid, match="the catalogue has no attributes"):
    passing({}, {"brand": ["x"]}, rows=1)


def test_names_are_bounded():
  columns = changed({}, {0: {str(i): "x" for i in range(MOST_NAMES)}})
  check_names(columns, [{"0": "y"}, {}])
  with pytest.raises(Invalid, match=f"of {MOST_NAMES + 1} names"):
    check_names(columns, [{"new": "y"}])
