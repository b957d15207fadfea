"""A column of numbers of words is the column of text, only smaller."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports import words
from gr_jax.data.imports.words import (
  as_text,
  compact_types,
  distinct,
  map_words,
  word_type,
)

TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "", "é"]), max_size=9)


def _both(texts: list[str | None]) -> tuple[pl.Series, pl.Series]:
  column = pl.Series("x", texts, dtype=pl.String)
  return column, column.cast(word_type("x"))


@given(texts=TEXTS, rows=st.integers(1, 3))
def test_a_function_of_texts_is_that_of_their_words(texts, rows):
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(words, "SLICE", rows)
    plain, numbered = _both(texts)
    expected = [None if text is None else text * 2 for text in texts]
    for column in (plain, numbered):
      found = map_words(column, lambda text: text + text)
      assert (found.name, found.to_list()) == ("x", expected)
    assert as_text(numbered.to_frame())["x"].to_list() == texts


@given(TEXTS)
def test_distinct_texts_are_counted_in_the_order_of_the_first(texts):
  _, numbered = _both(texts)
  found = distinct(numbered)
  known = [text for text in texts if text is not None]
  assert found.texts.to_list() == list(dict.fromkeys(known))
  assert found.counts.to_list() == [known.count(x) for x in found.texts]
  assert found.spread(found.texts).to_list() == texts


def test_columns_of_few_or_long_words_become_numbers(monkeypatch):
  monkeypatch.setattr(words, "_LONG", 100)
  frame = pl.DataFrame(
    {
      "few": ["a", "b"] * 50,
      "many": [str(i) for i in range(100)],
      "long": [f"{i % 30:064}" for i in range(100)],
      "number": range(100),
    }
  )
  assert compact_types(frame).keys() == {"few", "long"}
  assert compact_types(frame.head(99)) == {}
