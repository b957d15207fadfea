"""The items that a server knows, as columns of one version.

Rows are only ever added, and each keeps its semantic ID: an item that is
removed stays as a row that nothing shows, so that histories still name it and
an item that comes back has the ID under which the generator learned it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gr_jax.data.catalogue import PATH_SEPARATOR, Catalogue
from gr_jax.serving.requests import Invalid, shown
from gr_jax.tokenizers.semantic_ids import SemanticIds


class NewItem(NamedTuple):
  """The facts of an item that comes or changes.

  Attributes:
    item_id: stable; a known one gets these facts and keeps its semantic ID.
    text: the words that the text encoder reads.
    category: the full path, or None.
    price: 0 where unknown.
    in_stock: whether it can be bought.
    vector: `[D]` in place of the text's own vector, or None.
    codes: its semantic ID where it was given before, else None.
  """

  item_id: str
  text: str
  category: str | None = None
  price: float = 0.0
  in_stock: bool = True
  vector: tuple[float, ...] | None = None
  codes: tuple[int, ...] | None = None


class ItemChange(NamedTuple):
  """Items to add or to describe anew, ids to remove, and stock by id."""

  add: Sequence[NewItem] = ()
  remove: Sequence[str] = ()
  stock: Sequence[tuple[str, bool]] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Items:
  """`N` rows: the catalogue's, then what was added.

  Attributes:
    item_ids: `[N]` object str.
    texts: `[N]` object str.
    categories: `[N, K]` int32 as in `Catalogue`.
    prices: `[N]` float32, 0 where unknown.
    popularity: `[N]` int64, 0 for what was added.
    present: `[N]` bool, False once removed.
    in_stock: `[N]` bool.
    semantic_ids: the IDs of all rows.
    row_of: row by item id; shared by all versions, which only add to it.
    category_row: (depth, row in the depth's names) by path.
  """

  item_ids: np.ndarray
  texts: np.ndarray
  categories: np.ndarray
  prices: np.ndarray
  popularity: np.ndarray
  present: np.ndarray
  in_stock: np.ndarray
  semantic_ids: SemanticIds
  row_of: dict[str, int]
  category_row: dict[str, tuple[int, int]]

  def __len__(self) -> int:
    return len(self.item_ids)

  def row(self, item_id: str) -> int:
    """The item's row, -1 where this version does not know it."""
    row = self.row_of.get(item_id, -1)
    # A change that was refused, or is not made yet, has left its rows here.
    known = row < len(self) and self.item_ids[row] == item_id
    return row if known else -1

  def rows(self, item_ids: Sequence[str]) -> np.ndarray:
    """`[n]` rows, -1 for the unknown."""
    return np.array([self.row(each) for each in item_ids], np.int64)

  def category_columns(self, new: Sequence[NewItem]) -> np.ndarray:
    """`[n, K]` category rows of new items, -1 where there is none.

    Raises:
      Invalid: a path that the catalogue does not know.
    """
    columns = np.full((len(new), self.categories.shape[1]), -1, np.int32)
    for row, item in zip(columns, new):
      if item.category is not None:
        row[:] = self._path(item)
    return columns

  def _path(self, item: NewItem) -> np.ndarray:
    category = item.category or ""
    if category not in self.category_row:
      raise Invalid(
        f"item {shown(item.item_id)} has category {shown(category)}, "
        "which the catalogue does not know; give a known full path or none."
      )
    names = category.split(PATH_SEPARATOR)
    path = np.full(self.categories.shape[1], -1, np.int32)
    for depth in range(len(names)):
      above = PATH_SEPARATOR.join(names[: depth + 1])
      path[depth] = self.category_row[above][1]
    return path

  def with_facts(self, new: Sequence[NewItem], codes: np.ndarray) -> "Items":
    """Rows for the unknown of `new`, and the facts of all of them.

    Args:
      new: distinct item ids.
      codes: `[u, L]`, of those that have no row yet, in order.
    """
    known = self.rows([item.item_id for item in new])
    fresh = [item.item_id for item, row in zip(new, known) if row < 0]
    rows = known.copy()
    rows[known < 0] = np.arange(len(self), len(self) + len(fresh))
    grown = self._grown(fresh, codes)
    categories = self.category_columns(new)
    # A known item keeps the category that it has where none is given.
    named = np.array([i.category is not None for i in new]) | (known < 0)
    for name, values, mask in (
      ("texts", [i.text for i in new], ...),
      ("categories", categories[named], named),
      ("prices", [i.price for i in new], ...),
      ("present", True, ...),
      ("in_stock", [i.in_stock for i in new], ...),
    ):
      getattr(grown, name)[rows[mask]] = values
    return grown

  def _grown(self, fresh: list[str], codes: np.ndarray) -> "Items":
    """Copies that may be written, with room for `fresh`."""
    n = len(fresh)
    ids = self.semantic_ids.append(codes) if n else self.semantic_ids
    for row, item_id in enumerate(fresh, len(self)):
      self.row_of[item_id] = row
    return dataclasses.replace(
      self,
      item_ids=_appended(self.item_ids, np.array(fresh, object)),
      texts=_appended(self.texts, np.full(n, "", object)),
      categories=_appended(
        self.categories, np.full((n, self.categories.shape[1]), -1)
      ),
      prices=_appended(self.prices, np.zeros(n)),
      popularity=_appended(self.popularity, np.zeros(n)),
      present=_appended(self.present, np.ones(n)),
      in_stock=_appended(self.in_stock, np.ones(n)),
      semantic_ids=ids,
    )

  def without(self, item_ids: Sequence[str]) -> "Items":
    """Items of which some are shown no more; unknown ids change nothing."""
    present = self.present.copy()
    rows = self.rows(item_ids)
    present[rows[rows >= 0]] = False
    return dataclasses.replace(self, present=present)

  def with_stock(self, stock: dict[str, bool]) -> "Items":
    """Items with another stock; unknown ids change nothing."""
    in_stock = self.in_stock.copy()
    rows = self.rows(list(stock))
    there = rows >= 0
    in_stock[rows[there]] = np.array(list(stock.values()), bool)[there]
    return dataclasses.replace(self, in_stock=in_stock)

  def record(self, row: int) -> dict[str, Any]:
    """The item as HTTP answers it."""
    price = float(self.prices[row])
    return {
      "id": self.item_ids[row],
      "text": self.texts[row],
      "price": round(price, 4) if price else None,
      "in_stock": bool(self.in_stock[row]),
      "semantic_id": self.semantic_ids.codes[row].tolist(),
    }


def _appended(column: np.ndarray, tail: np.ndarray) -> np.ndarray:
  return np.concatenate([column, tail.astype(column.dtype)])


def catalogue_items(catalogue: Catalogue, semantic_ids: SemanticIds) -> Items:
  """Returns the first version: everything is there and in stock."""
  n = len(catalogue)
  return Items(
    item_ids=catalogue.item_ids,
    texts=catalogue.texts,
    categories=catalogue.categories,
    prices=catalogue.values,
    popularity=catalogue.popularity,
    present=np.ones(n, bool),
    in_stock=np.ones(n, bool),
    semantic_ids=semantic_ids,
    row_of={item_id: row for row, item_id in enumerate(catalogue.item_ids)},
    category_row={
      name: (depth, row)
      for depth, names in enumerate(catalogue.category_names)
      for row, name in enumerate(names)
    },
  )
