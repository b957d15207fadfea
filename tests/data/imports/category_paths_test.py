"""A category is the path that its column means."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.category_paths import NONE, read_paths


def _paths(*written: str | None, separator: str = "") -> list[str | None]:
  column = pl.Series("category", written, dtype=pl.String)
  return read_paths(column, separator).paths.to_list()


@pytest.mark.parametrize(
  ("written", "paths"),
  [
    (["a > b", "a>c", None], ["a > b", "a > c", None]),
    (["a|b", "a | c", "d"], ["a > b", "a > c", "d"]),
    (["a | b > c", "d"], ["a | b > c", "d"]),
    (["A/C parts", ">"], ["A/C parts", None]),
    (["A/C parts", "tyres"], ["A/C parts", "tyres"]),
    (["Shoes/Women", "Shoes / Men", "Bags"],
     ["Shoes > Women", "Shoes > Men", "Bags"]),
    (["/Men/Shoes/", "/Men/"], ["Men > Shoes", "Men"]),
    (["Action;Drama", "Comedy;Drama", "War"],
     ["Action > Drama", "Comedy > Drama", "War"]),
    (["a \u203a b", "c"], ["a > b", "c"]),
    (["Beauty\x1fGift > Box", "Toys > All"],
     ["Beauty > Gift / Box", "Toys / All"]),
  ],
)  # fmt: skip
def test_paths_are_split_as_the_column_means_it(written, paths):
  if written == ["/Men/Shoes/", "/Men/"]:
    written, paths = [*written, "A/B"], [*paths, "A > B"]
  assert _paths(*written) == paths


def test_a_separator_can_be_forced_or_forbidden():
  assert _paths("a;b", "c", separator=";") == ["a > b", "c"]
  assert _paths("A/B", "C/D", separator=NONE) == ["A/B", "C/D"]
  assert _paths("a > b|c", separator="|") == ["a / b > c"]
  assert _paths("a|b", separator=" > ") == ["a|b"]


def test_the_decision_is_said():
  column = pl.Series(["A/C parts", "tyres", "oil"])
  (note,) = read_paths(column).notes
  assert "1 of 3 categories have a '/' ('A/C parts')" in note
  assert "--category_separator='/'" in note
  (note,) = read_paths(pl.Series(["a > b"])).notes
  assert "split at '>' (--category_separator=none" in note
  assert read_paths(pl.Series(["a", "b"])).notes == []


NAMES = st.lists(
  st.text("ab &'1", min_size=1).map(str.strip).filter(bool), min_size=1
)


@given(st.lists(NAMES, min_size=2, max_size=6), st.sampled_from(">|"))
def test_a_written_path_is_read_back(paths, mark):
  expected = [" > ".join(path) for path in paths]
  assert _paths(*(mark.join(path) for path in paths)) == expected
  assert _paths(*(f" {mark} ".join(path) for path in paths)) == expected
  assert _paths(*expected) == expected
