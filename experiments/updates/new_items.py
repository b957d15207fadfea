"""Items that come with new events, in the format of an import."""

import dataclasses
import pathlib
from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from experiments.updates.new_events import listed
from gr_jax.data.imports import read
from gr_jax.data.imports.checks import check_items
from gr_jax.data.imports.columns import FIELD_COLUMNS
from gr_jax.data.imports.summary import count_rejects
from gr_jax.serving.catalogue.items import NewItem


@dataclasses.dataclass(frozen=True)
class NewItems:
  """The items of one file.

  Attributes:
    items: distinct ids; the run may know some.
    left_out: the number of rows by reason.
  """

  items: list[NewItem]
  left_out: Mapping[str, int]

  def sentence(self, added: int) -> str:
    """What was read, in one line.

    Args:
      added: the number that nobody knew.
    """
    return f"{added} of {len(self.items)} items are new{listed(self.left_out)}"


def read_items(
  path: pathlib.Path,
  columns: Mapping[str, str],
  *,
  separator: str = "",
  usual: Mapping[str, str] = MappingProxyType({}),
) -> NewItems:
  """The items of a file.

  Args:
    path: the file.
    columns: our names to those of the file.
    separator: what category paths are split at; "" lets the file decide.
    usual: columns of the import, see `read_alone`.

  Raises:
    FileNotFoundError, ValueError: it cannot be read.
  """
  table = read.read_alone(path, "items", columns, usual)
  checked = check_items(table, category_separator=separator)
  rows = checked.frame.with_columns(
    pl.lit(None, dtype).alias(name)
    for name, dtype in (("category", pl.String), ("amount", pl.Float64))
    if name not in checked.frame.columns
  )
  left_out = {reason: n for _, reason, n, _ in count_rejects(checked.rejects)}
  return NewItems([_item(row) for row in rows.iter_rows(named=True)], left_out)


def _item(row: Mapping) -> NewItem:
  fields = {
    name: row[name] for name in FIELD_COLUMNS if row.get(name) is not None
  }
  return NewItem(
    row["item_id"],
    row["text"],
    category=row["category"],
    price=row["amount"],
    fields=fields or None,
  )
