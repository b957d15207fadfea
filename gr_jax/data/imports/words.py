"""Columns of text as numbers of their distinct words, where that is smaller.

Thirty million rows of text do not fit into memory; few columns of a log have
many distinct values. Words of columns of one name have the same numbers, so
that columns of several files can be put together.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

# Rows from which on a column may be kept as numbers.
_LONG = 50_000
# Bytes of a word that polars keeps once, and of text in every row.
_WORD, _VIEW, _INLINE = 100, 16, 12


SLICE = 1 << 19
"""The rows of a long table that are worked on at once."""


def slices(column: pl.Series) -> Iterator[pl.Series]:
  """Returns a column as text, some rows of it at once; one slice if empty."""
  for begin in range(0, max(column.len(), 1), SLICE):
    part = column.slice(begin, SLICE)
    yield part if part.dtype == pl.String else part.cast(pl.String)


def word_type(name: str) -> pl.DataType:
  """Returns the type of a column of this name whose cells are numbers."""
  return pl.Categorical(pl.Categories(f"gr_jax.{name}"))


def compact_types(frame: pl.DataFrame) -> dict[str, pl.DataType]:
  """Returns the types of the columns that are smaller as numbers.

  Args:
    frame: The first rows of a table.
  """
  if frame.height < _LONG:
    return {}
  found = {}
  for column in frame.iter_columns():
    if column.dtype != pl.String:
      continue
    sizes = column.str.len_bytes().fill_null(0)
    text = _VIEW + int(sizes.filter(sizes > _INLINE).sum()) / frame.height
    if 4 + _WORD * column.n_unique() / frame.height < text:
      found[column.name] = word_type(column.name)
  return found


def as_words(column: pl.Series) -> pl.Series:
  """Returns a column of text as numbers, converted slice by slice."""
  if column.dtype != pl.String:
    return column
  return pl.concat(
    [part.cast(word_type(column.name)) for part in slices(column)]
  )


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
  """Returns a frame with its columns of numbers of words as text."""
  return frame.with_columns(pl.selectors.categorical().cast(pl.String))


def map_words(
  column: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
  """Applies a function of each text to a column, once to each of its words."""
  if column.dtype == pl.String:
    return change(column)
  words = column.unique().drop_nulls()
  changed = change(words.cast(pl.String)).alias(column.name)
  numbers = words.to_physical().to_numpy()
  place = np.zeros(int(numbers.max(initial=-1)) + 1, np.uint32)
  place[numbers] = np.arange(len(numbers), dtype=np.uint32)
  rows = pl.Series(place).gather(column.to_physical())
  return changed.gather(rows)
