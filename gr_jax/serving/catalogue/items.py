"""The items that a server knows, as columns of one version.

Rows are only ever added, and each keeps its semantic ID: an item that is
removed stays as a row that nothing shows, so that histories still name it and
an item that comes back has the ID under which the generator learned it.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gr_jax.data.catalogue import PATH_SEPARATOR, Catalogue
from gr_jax.serving.catalogue.attributes import (
  Columns,
  attributes_of,
  with_attributes,
)
from gr_jax.serving.catalogue.item_change import ItemChange as ItemChange
from gr_jax.serving.catalogue.item_change import NewItem as NewItem
from gr_jax.serving.requests import Invalid, shown
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True, eq=False)
class Items:
  """`N` rows: the catalogue's, then what was added.

  Attributes:
    item_ids: `[N]` object str.
    texts: `[N]` object str.
    categories: `[N, K]` int32 as in `Catalogue`.
    prices: `[N]` float32, NaN where unknown.
    popularity: `[N]` int64, 0 for what was added.
    present: `[N]` bool, False once removed.
    in_stock: `[N]` bool.
    paused: `[N]` bool: in no answer, until it is resumed.
    attributes: the free attributes.
    semantic_ids: the IDs of all rows.
    row_of: row by item id; shared by all versions, which only add to it.
    category_row: (depth, row in the depth's names) by path; categories that
      came with new items stand behind those of the catalogue.
    path_of_row: the other way round.
  """

  item_ids: np.ndarray
  texts: np.ndarray
  categories: np.ndarray
  prices: np.ndarray
  popularity: np.ndarray
  present: np.ndarray
  in_stock: np.ndarray
  paused: np.ndarray
  attributes: Columns
  semantic_ids: SemanticIds
  row_of: dict[str, int]
  category_row: dict[str, tuple[int, int]]
  path_of_row: dict[tuple[int, int], str]

  def __len__(self) -> int:
    return len(self.item_ids)

  @functools.cached_property
  def shown(self) -> np.ndarray:
    """`[N]` bool: the items that an answer without filters may hold."""
    return self.present & ~self.paused

  def row(self, item_id: str) -> int:
    """The item's row, -1 where this version does not know it."""
    row = self.row_of.get(item_id, -1)
    # A change that was refused, or is not made yet, has left its rows here.
    known = row < len(self) and self.item_ids[row] == item_id
    return row if known else -1

  def rows(self, item_ids: Sequence[str]) -> np.ndarray:
    """`[n]` rows, -1 for the unknown."""
    return np.array([self.row(each) for each in item_ids], np.int64)

  def path_of(self, columns: np.ndarray) -> str | None:
    """The full path of a row `[K]` of `categories`, None without one."""
    names = [name for name in columns.tolist() if name >= 0]
    return self.path_of_row[len(names) - 1, names[-1]] if names else None

  def with_categories(self, new: Sequence[NewItem]) -> "Items":
    """Items that know the categories of `new`.

    Raises:
      Invalid: a path deeper than the catalogue's, or with an empty name.
    """
    depths = self.categories.shape[1]
    known = dict(self.category_row)
    sizes = [0] * depths
    for depth, _ in known.values():
      sizes[depth] += 1
    for item in new:
      if item.category is None or item.category in known:
        continue
      names = item.category.split(PATH_SEPARATOR)
      if len(names) > depths or not all(map(str.strip, names)):
        raise Invalid(
          f"item {shown(item.item_id)} has category {shown(item.category)}; "
          f"give a full path of 1 to {depths} names, or none."
          if depths
          else f"item {shown(item.item_id)} has a category, and this "
          "catalogue has none; leave it out."
        )
      for depth in range(len(names)):
        path = PATH_SEPARATOR.join(names[: depth + 1])
        if path not in known:
          known[path] = depth, sizes[depth]
          sizes[depth] += 1
    if len(known) == len(self.category_row):
      return self
    return dataclasses.replace(
      self,
      category_row=known,
      path_of_row={place: path for path, place in known.items()},
    )

  def category_columns(self, new: Sequence[NewItem]) -> np.ndarray:
    """`[n, K]` category rows of new items, -1 where there is none.

    Their categories are known; see `with_categories`.
    """
    columns = np.full((len(new), self.categories.shape[1]), -1, np.int32)
    for row, item in zip(columns, new):
      if item.category is not None:
        names = item.category.split(PATH_SEPARATOR)
        for depth in range(len(names)):
          above = PATH_SEPARATOR.join(names[: depth + 1])
          row[depth] = self.category_row[above][1]
    return columns

  def with_facts(self, new: Sequence[NewItem], codes: np.ndarray) -> "Items":
    """Rows for the unknown of `new`, and the facts of all of them.

    Args:
      new: distinct item ids.
      codes: `[u, L]`, of those that have no row yet, in order.

    Raises:
      Invalid: as `with_categories`.
    """
    named = self.with_categories(new)
    if named is not self:
      return named.with_facts(new, codes)
    rows = self.rows([item.item_id for item in new])
    unknown = rows < 0
    fresh = [item.item_id for item, row in zip(new, rows) if row < 0]
    rows[unknown] = range(len(self), len(self) + len(fresh))
    ids = self.semantic_ids.append(codes) if fresh else self.semantic_ids
    self.row_of.update(zip(fresh, rows[unknown].tolist()))
    # A known item keeps the category that it has where none is given.
    named = unknown | np.array([i.category is not None for i in new], bool)
    said = np.array([i.paused is not None for i in new], bool)
    columns = {"popularity": _grown(self.popularity, len(fresh))}
    for name, values, mask in (
      ("item_ids", [i.item_id for i in new], ...),
      ("texts", [i.text for i in new], ...),
      ("categories", self.category_columns(new)[named], named),
      ("prices", _prices(i.price for i in new), ...),
      ("present", True, ...),
      ("in_stock", [i.in_stock for i in new], ...),
      ("paused", [i.paused for i in new if i.paused is not None], said),
    ):
      columns[name] = _grown(getattr(self, name), len(fresh))
      columns[name][rows[mask]] = values
    said = np.array([i.attributes is not None for i in new], bool)
    attributes = with_attributes(
      self.attributes,
      rows[said],
      [i.attributes for i in new if i.attributes is not None],
    )
    return dataclasses.replace(
      self, semantic_ids=ids, attributes=attributes, **columns
    )

  def without(self, item_ids: Sequence[str]) -> "Items":
    """Items of which some are gone; unknown ids change nothing.

    One that comes back is not paused.
    """
    gone = dict.fromkeys(item_ids, False)
    return self._with("present", gone)._with("paused", gone)

  def with_stock(self, stock: Mapping[str, bool]) -> "Items":
    """Items with another stock; unknown ids change nothing."""
    return self._with("in_stock", stock)

  def with_paused(self, paused: Mapping[str, bool]) -> "Items":
    """Items that are paused or resumed; unknown ids change nothing."""
    return self._with("paused", paused)

  def with_prices(self, prices: Mapping[str, float | None]) -> "Items":
    """Items with other prices; unknown ids change nothing."""
    return self._with("prices", dict(zip(prices, _prices(prices.values()))))

  def _with(self, name: str, values: Mapping[str, float]) -> "Items":
    """Other values of one column; all other columns are the same arrays."""
    rows = self.rows(list(values))
    known = rows >= 0
    if not known.any():
      return self
    column = getattr(self, name).copy()
    column[rows[known]] = np.array(list(values.values()))[known]
    return dataclasses.replace(self, **{name: column})

  def record(self, row: int) -> dict[str, Any]:
    """The item as HTTP answers it."""
    price = float(self.prices[row])
    return {
      "id": self.item_ids[row],
      "text": self.texts[row],
      "category": self.path_of(self.categories[row]),
      "price": None if math.isnan(price) else round(price, 4),
      "in_stock": bool(self.in_stock[row]),
      "paused": bool(self.paused[row]),
      "attributes": attributes_of(self.attributes, row),
      "semantic_id": self.semantic_ids.codes[row].tolist(),
    }


def _prices(prices: Iterable[float | None]) -> list[float]:
  return [math.nan if price is None else price for price in prices]


def _grown(column: np.ndarray, n: int) -> np.ndarray:
  """A copy that may be written, with `n` more rows."""
  tail = np.zeros((n, *column.shape[1:]), column.dtype)
  return np.concatenate([column, tail])


def catalogue_items(catalogue: Catalogue, semantic_ids: SemanticIds) -> Items:
  """Returns the first version: everything is there, in stock, not paused."""
  n = len(catalogue)
  category_row = {
    name: (depth, row)
    for depth, names in enumerate(catalogue.category_names)
    for row, name in enumerate(names)
  }
  return Items(
    item_ids=catalogue.item_ids,
    texts=catalogue.texts,
    categories=catalogue.categories,
    prices=catalogue.prices,
    popularity=catalogue.popularity,
    present=np.ones(n, bool),
    in_stock=np.ones(n, bool),
    paused=np.zeros(n, bool),
    attributes=catalogue.attributes,
    semantic_ids=semantic_ids,
    row_of={item_id: row for row, item_id in enumerate(catalogue.item_ids)},
    category_row=category_row,
    path_of_row={place: path for path, place in category_row.items()},
  )
