"""Queries as people type them, and the share that finds a right item.

A file of them is a CSV with the columns `query` and `right`: patterns of
category paths ("*" is any text) with "|" between. An item is right for a query
if its category path matches one of them [OURS]: who types "milk" is served by
any milk.
"""

import csv
import dataclasses
import fnmatch
import pathlib
from collections.abc import Sequence

import numpy as np

from gr_jax.data.catalogue import Catalogue

_COLUMNS = ["query", "right"]


@dataclasses.dataclass(frozen=True)
class TypedQueries:
  """`Q` queries.

  Attributes:
    queries: `Q` texts.
    right: per query, the patterns of the category paths that are right.
  """

  queries: tuple[str, ...]
  right: tuple[tuple[str, ...], ...]

  def __len__(self) -> int:
    return len(self.queries)


def read_typed_queries(path: pathlib.Path) -> TypedQueries:
  """Reads a file of queries.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: other columns, or a row without a query or a pattern.
  """
  with path.open(encoding="utf-8", newline="") as file:
    rows = csv.DictReader(file)
    if rows.fieldnames != _COLUMNS:
      raise ValueError(
        f"{path} has columns {rows.fieldnames}; it needs {_COLUMNS}."
      )
    found = [(row["query"], row["right"]) for row in rows]
  for number, (query, right) in enumerate(found, 2):
    if not query or not right:
      raise ValueError(f"{path}: row {number} lacks its query or its right.")
  return TypedQueries(
    tuple(query for query, _ in found),
    tuple(tuple(right.split("|")) for _, right in found),
  )


def right_items(typed: TypedQueries, catalogue: Catalogue) -> np.ndarray:
  """`[Q, N]` bool, the items whose full category path matches a pattern.

  Raises:
    ValueError: no category of the catalogue matches any pattern of a query.
  """
  paths, path_of_item = _full_paths(catalogue)
  right = np.zeros((len(typed), len(catalogue)), bool)
  for row, query, patterns in zip(right, typed.queries, typed.right):
    good = [
      any(fnmatch.fnmatchcase(p, each) for each in patterns) for p in paths
    ]
    if not any(good):
      raise ValueError(
        f"no category of this catalogue is right for {query!r}: give queries "
        "of its own types."
      )
    row[:] = np.array(good)[path_of_item]
  return right


def _full_paths(catalogue: Catalogue) -> tuple[list[str], np.ndarray]:
  """The distinct full paths, "" for none, and the one `[N]` of each item."""
  number: dict[str, int] = {"": 0}
  of_item = np.zeros(len(catalogue), np.int64)
  for depth, names in enumerate(catalogue.category_names):
    column = catalogue.categories[:, depth]
    numbers = np.array([number.setdefault(n, len(number)) for n in names])
    if len(names):
      of_item = np.where(column >= 0, numbers[column], of_item)
  return list(number), of_item


@dataclasses.dataclass(frozen=True)
class Answered:
  """How well a ranker answers typed queries.

  Attributes:
    found: `[Q]` bool, True with a right item among the first `k`.
    number: `[Q]` int, the right items among them.
  """

  found: np.ndarray
  number: np.ndarray

  @property
  def share(self) -> float:
    """The share of queries with a right item."""
    return float(self.found.mean())

  @property
  def mean(self) -> float:
    """The right items of a query, on average."""
    return float(self.number.mean())


def answered(ranked: Sequence[np.ndarray], right: np.ndarray) -> Answered:
  """Compares rankings with what is right.

  Args:
    ranked: per query, catalogue rows, -1 = none.
    right: `[Q, N]` from `right_items`.
  """
  number = np.array(
    [int(row[items[items >= 0]].sum()) for row, items in zip(right, ranked)]
  )
  return Answered(number > 0, number)
