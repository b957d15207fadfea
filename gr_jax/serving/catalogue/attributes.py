"""Free attributes of items, such as brand or url: text columns by name.

Nothing is trained on them; answers show them and filters know them. A column
is as long as the last item that has it: items that come without attributes
cost nothing. Columns are values, and versions of a catalogue share them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gr_jax.serving.requests import Invalid, shown

Columns = Mapping[str, pl.Series]
"""By name, `[<= N]` str by row; null where an item has no such attribute."""

MOST_NAMES = 64  # A name is a column of all items.


def check_names(columns: Columns, given: Sequence[Mapping[str, str]]) -> None:
  """Raises Invalid where attributes would be of more than `MOST_NAMES` names.

  Args:
    columns: those that there are.
    given: attributes that items bring.
  """
  new = {name for each in given for name in each} - {*columns}
  if new and len(columns) + len(new) > MOST_NAMES:
    raise Invalid(
      f"attribute {shown(min(new))} is new, and items would have attributes of "
      f"{len(columns) + len(new)} names; {MOST_NAMES} fit."
    )


def with_attributes(
  columns: Columns, rows: np.ndarray, given: Sequence[Mapping[str, str]]
) -> Columns:
  """Columns in which rows have other attributes, and none beside those.

  Args:
    columns: the columns before.
    rows: `[n]` distinct.
    given: `[n]` attributes by name.
  """
  if not len(rows):
    return columns
  length = int(rows.max()) + 1
  found = {}
  for name in {**columns, **{name: 0 for each in given for name in each}}:
    old = columns.get(name, pl.Series(name, [], pl.String))
    values = pl.Series([each.get(name) for each in given], dtype=pl.String)
    new = old.extend_constant(None, max(0, length - len(old)))
    found[name] = new.scatter(pl.Series(rows), values)
  return found


def attributes_of(columns: Columns, row: int) -> dict[str, str]:
  """The attributes of an item by name."""
  found = {
    name: column[row] for name, column in columns.items() if row < len(column)
  }
  return {name: value for name, value in found.items() if value is not None}


def passing(
  columns: Columns, wanted: Mapping[str, Sequence[str]], *, rows: int
) -> np.ndarray:
  """`[rows]` bool: items that have one of the values of every name.

  Raises:
    Invalid: a name that no item has.
  """
  mask = np.ones(rows, bool)
  for name, values in wanted.items():
    if name not in columns:
      known = ", ".join(map(shown, columns)) or "no attributes"
      raise Invalid(
        f"filters.attributes names {shown(name)}; the catalogue has {known}."
      )
    column = columns[name]
    has = column.is_in(list(values)).fill_null(False)
    mask[: len(column)] &= has.to_numpy()
    mask[len(column) :] = False
  return mask
