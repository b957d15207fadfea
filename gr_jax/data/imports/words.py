"""Columns of text as numbers of their distinct words, where that is smaller.

Thirty million rows of text do not fit into memory; few columns of a log have
many distinct values. Words of columns of one name have the same numbers, so
that columns of several files can be put together.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

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
    yield part.cast(pl.String)


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
  """Returns a long column of text as numbers."""
  if column.dtype != pl.String or column.len() < _LONG:
    return column
  return pl.concat(
    [part.cast(word_type(column.name)) for part in slices(column)]
  )


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
  """Returns a frame with its columns of numbers of words as text."""
  return frame.with_columns(pl.selectors.categorical().cast(pl.String))


class Distinct(NamedTuple):
  """The texts of a column, each once where they are numbers.

  Attributes:
    texts: The texts `[n]`, in the order in which they come first.
    counts: How often `[n]` each comes.
    rows: For each row of the column its text; None where `texts` are the rows.
  """

  texts: pl.Series
  counts: pl.Series
  rows: pl.Series | None

  def spread(self, values: pl.Series) -> pl.Series:
    """Returns the values of all rows, given those `[n]` of the texts."""
    return values if self.rows is None else values.gather(self.rows)


def distinct(column: pl.Series) -> Distinct:
  """Finds the texts of a column."""
  if not isinstance(column.dtype, pl.Categorical):
    return Distinct(column, pl.repeat(1, column.len(), eager=True), None)
  counts = (
    column.drop_nulls().to_frame("t").group_by("t", maintain_order=True).len()
  )
  numbers = counts["t"].to_physical().to_numpy()
  place = np.zeros(int(numbers.max(initial=0)) + 1, np.uint32)
  place[numbers] = np.arange(len(numbers), dtype=np.uint32)
  return Distinct(
    counts["t"].cast(pl.String).alias(column.name),
    counts["len"],
    pl.Series(place).gather(column.to_physical()),
  )


def map_words(
  column: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
  """Applies a function of single texts to a column, once to each number.

  Other text is changed slice by slice.
  """
  if isinstance(column.dtype, pl.Categorical):
    found = distinct(column)
    changed = found.spread(change(found.texts))
  else:
    changed = pl.concat([change(part) for part in slices(column)])
  return changed.alias(column.name)
