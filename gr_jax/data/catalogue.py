"""The catalogue: N items that can be retrieved, in a fixed order of rows."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

PATH_SEPARATOR = " > "

_ITEMS_FILE = "items.parquet"
_CATEGORY_NAMES_FILE = "category_names.json"
_FREE = "free"
_FIELD = "field_"  # Begins the names of the columns of fields.
_ATTRIBUTE = "attribute_"  # Those of attributes.

ITEM_ID = "item_id"
"""The name that stands for an item's own id among names of fields."""


def _none_free() -> np.ndarray:
  return np.empty(0, bool)


@dataclasses.dataclass(frozen=True, eq=False)
class Catalogue:
  """N items; every other artefact names an item by its row here.

  Attributes:
    item_ids: `[N]` str, stable and distinct.
    texts: `[N]` object str, the input of text encoders and BM25.
    categories: `[N, K]` int32; column d has the row in `category_names[d]` of
      the item's category path cut after d + 1 names, -1 where the path is
      shorter. K may be 0.
    category_names: K tuples of full path prefixes, "grocery > ice".
    values: `[N]` float32, typical price, 0 where unknown or `free`.
    popularity: `[N]` int64, interactions in the training split.
    fields: `[N, F]` object, facts that the content does not show, such as an
      ad's account: each a str, or None where it is not known. F may be 0.
    field_names: F names, "account".
    free: `[N]` bool, items that are known to cost nothing.
    attributes: `[N]` text columns by name, such as "brand" or "url", null where
      an item has none. Nothing is trained on them: they are shown and filtered.

  Raises:
    ValueError: a shape, dtype or range does not hold.
  """

  item_ids: np.ndarray
  texts: np.ndarray
  categories: np.ndarray
  category_names: tuple[tuple[str, ...], ...]
  values: np.ndarray
  popularity: np.ndarray
  fields: np.ndarray = dataclasses.field(
    default_factory=lambda: np.empty((0, 0), object)
  )
  field_names: tuple[str, ...] = ()
  free: np.ndarray = dataclasses.field(default_factory=_none_free)
  attributes: Mapping[str, pl.Series] = dataclasses.field(default_factory=dict)

  def __post_init__(self):
    n = len(self.item_ids)
    if not self.field_names and not self.fields.size:
      object.__setattr__(self, "fields", np.empty((n, 0), object))
    if not self.free.size:
      object.__setattr__(self, "free", np.zeros(n, bool))
    for name in (
      *("texts", "values", "popularity", "categories", "fields", "free"),
    ):
      if len(getattr(self, name)) != n:
        raise ValueError(
          f"Catalogue.{name} has {len(getattr(self, name))} rows for {n} "
          "item_ids; give one row per item."
        )
    for name, dtype in (
      ("categories", np.int32),
      ("values", np.float32),
      ("popularity", np.int64),
      ("free", np.bool_),
    ):
      if getattr(self, name).dtype != dtype:
        raise ValueError(
          f"Catalogue.{name} is {getattr(self, name).dtype}; convert it to "
          f"{np.dtype(dtype)}."
        )
    for name, column in self.attributes.items():
      if len(column) != n or column.dtype != pl.String:
        raise ValueError(
          f"Catalogue.attributes[{name!r}] has {len(column)} rows of "
          f"{column.dtype}; give {n} of text."
        )
    _check_distinct(self.item_ids)
    _check_categories(self.categories, self.category_names)
    _check_fields(self.fields, self.field_names)
    if not np.isfinite(self.values).all():
      row = int(np.flatnonzero(~np.isfinite(self.values))[0])
      raise ValueError(
        f"Catalogue.values[{row}] is {self.values[row]}; write 0 for unknown."
      )
    if n and self.popularity.min() < 0:
      raise ValueError(
        f"Catalogue.popularity has a negative count {self.popularity.min()}."
      )

  def __len__(self) -> int:
    return len(self.item_ids)

  @property
  def priced(self) -> np.ndarray:
    """`[N]` bool, items whose value is known; it may be 0."""
    return (self.values != 0) | self.free

  @property
  def prices(self) -> np.ndarray:
    """`[N]` float32, the values: NaN where unknown, 0 where free."""
    return np.where(self.priced, self.values, np.float32(np.nan))

  def fields_of(self, names: Sequence[str]) -> np.ndarray:
    """Returns `[N, len(names)]` object, the fields of these names in order.

    Args:
      names: Names of fields; "item_id" is the item's own id.

    Raises:
      ValueError: A name that the catalogue does not have.
    """
    columns = {ITEM_ID: self.item_ids}
    columns |= dict(zip(self.field_names, self.fields.T))
    unknown = [name for name in names if name not in columns]
    if unknown:
      raise ValueError(
        f"the catalogue has no field {unknown[0]!r}; it has "
        f"{', '.join(columns)}."
      )
    found = np.empty((len(self), len(names)), object)
    for place, name in enumerate(names):
      found[:, place] = columns[name]
    return found

  def save(self, directory: Path) -> None:
    """Writes the catalogue as files in `directory`; `load` is bit-exact."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    columns = {
      "item_id": pl.Series(self.item_ids.tolist(), dtype=pl.String),
      "text": pl.Series(self.texts.tolist(), dtype=pl.String),
      "value": self.values,
      "popularity": self.popularity,
    }
    for d in range(self.categories.shape[1]):
      columns[f"category_{d}"] = self.categories[:, d]
    if self.free.any():
      columns[_FREE] = self.free
    for f, name in enumerate(self.field_names):
      values = self.fields[:, f].tolist()
      columns[_FIELD + name] = pl.Series(values, dtype=pl.String)
    for name, column in self.attributes.items():
      columns[_ATTRIBUTE + name] = column
    pl.DataFrame(columns).write_parquet(directory / _ITEMS_FILE)
    (directory / _CATEGORY_NAMES_FILE).write_text(
      json.dumps(self.category_names), encoding="utf-8"
    )

  @classmethod
  def load(cls, directory: Path) -> "Catalogue":
    """Reads the files of `save`; FileNotFoundError if one is missing."""
    directory = Path(directory)
    for name in (_ITEMS_FILE, _CATEGORY_NAMES_FILE):
      if not (directory / name).is_file():
        raise FileNotFoundError(f"No catalogue in {directory}: {name} missing.")
    # Not memory-mapped: the file may be replaced while the table is alive.
    table = pl.read_parquet(directory / _ITEMS_FILE, memory_map=False)
    names = json.loads(
      (directory / _CATEGORY_NAMES_FILE).read_text(encoding="utf-8")
    )
    categories = np.empty((table.height, len(names)), np.int32)
    for d in range(len(names)):
      categories[:, d] = table[f"category_{d}"].to_numpy()
    columns = [name for name in table.columns if name.startswith(_FIELD)]
    fields = np.empty((table.height, len(columns)), object)
    for f, name in enumerate(columns):
      fields[:, f] = table[name].to_list()
    return cls(
      item_ids=object_array(table["item_id"].to_list()),
      texts=object_array(table["text"].to_list()),
      categories=categories,
      category_names=tuple(map(tuple, names)),
      values=table["value"].to_numpy(writable=True),
      popularity=table["popularity"].to_numpy(writable=True),
      fields=fields,
      field_names=tuple(name.removeprefix(_FIELD) for name in columns),
      free=(
        table[_FREE].to_numpy(writable=True)
        if _FREE in table.columns
        else _none_free()
      ),
      attributes={
        name.removeprefix(_ATTRIBUTE): table[name]
        for name in table.columns
        if name.startswith(_ATTRIBUTE)
      },
    )


def category_columns(
  paths: Sequence[Sequence[str]],
) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
  """Turns category paths into columns of indices, coarse to fine.

  Args:
    paths: `[N]` lists of names; an empty list is an unknown category.

  Returns:
    (categories `[N, K]` int32, category_names), K the longest path. The names
    of a depth are sorted, so the columns do not depend on the order of the
    items.

  Raises:
    ValueError: a name contains the path separator.
  """
  depths = max((len(path) for path in paths), default=0)
  categories = np.full((len(paths), depths), -1, np.int32)
  names = []
  for row, path in enumerate(paths):
    for name in path:
      if PATH_SEPARATOR in name:
        raise ValueError(
          f"Category name {name!r} of item row {row} contains "
          f"{PATH_SEPARATOR!r}; split it into a path."
        )
  for d in range(depths):
    prefixes = [
      PATH_SEPARATOR.join(path[: d + 1]) if len(path) > d else None
      for path in paths
    ]
    known = sorted({prefix for prefix in prefixes if prefix is not None})
    index = {prefix: i for i, prefix in enumerate(known)} | {None: -1}
    categories[:, d] = [index[prefix] for prefix in prefixes]
    names.append(tuple(known))
  return categories, tuple(names)


def object_array(values: Sequence[object]) -> np.ndarray:
  """Returns an object array `[n]` of n Python objects, tuples among them."""
  array = np.empty(len(values), object)
  array[:] = values
  return array


def _check_distinct(item_ids: np.ndarray) -> None:
  seen = {}
  for row, item_id in enumerate(item_ids.tolist()):
    if seen.setdefault(item_id, row) != row:
      raise ValueError(
        f"Item id {item_id!r} is given twice, in rows {seen[item_id]} and "
        f"{row}; ids must be distinct."
      )


def _check_categories(
  categories: np.ndarray, names: tuple[tuple[str, ...], ...]
) -> None:
  if categories.ndim != 2 or categories.shape[1] != len(names):
    raise ValueError(
      f"Catalogue.categories has shape {categories.shape}, category_names has "
      f"{len(names)} depths; give one column per depth."
    )
  for d, level in enumerate(names):
    column = categories[:, d]
    wrong = (column < -1) | (column >= len(level))
    if d:
      wrong |= (column >= 0) & (categories[:, d - 1] < 0)
    if wrong.any():
      row = int(np.flatnonzero(wrong)[0])
      raise ValueError(
        f"Catalogue.categories[{row}, {d}] is {column[row]}, outside -1.."
        f"{len(level) - 1} or below an unknown category."
      )


def _check_fields(fields: np.ndarray, names: tuple[str, ...]) -> None:
  if fields.ndim != 2 or fields.shape[1] != len(names):
    raise ValueError(
      f"Catalogue.fields has shape {fields.shape} for the field_names {names}; "
      "give one column per name."
    )
  if len(set(names)) < len(names) or not all(names) or ITEM_ID in names:
    raise ValueError(
      f"Catalogue.field_names are {names}; give distinct names, and none "
      f"{ITEM_ID!r}: that is the item's own id."
    )
  for (row, f), value in np.ndenumerate(fields):
    if value is not None and not isinstance(value, str):
      raise ValueError(
        f"Catalogue.fields[{row}, {f}] is {value!r}; write the "
        f"{names[f]} as a str, or None where it is not known."
      )
