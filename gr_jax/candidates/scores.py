"""Scores of some items for each of some rows; all others have zero.

Few items are linked to a history, so scores are kept as flat arrays in the
order of keys `row * num_items + item`, as `Pairs` are, and nothing here is as
long as the catalogue.
"""

import dataclasses
import functools
from typing import Self

import numpy as np

from gr_jax.candidates.ordering import stable_sort, starts_of
from gr_jax.candidates.pairs import Sparse, look_up, values_at


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
  """Scores of (row, item).

  Attributes:
    keys: `[n]` int64, ascending and distinct, `row * num_items + item`.
    values: `[n]` float32.
    num_items: `N`.
  """

  keys: np.ndarray
  values: np.ndarray
  num_items: int

  @functools.cached_property
  def rows(self) -> np.ndarray:
    """`[n]` int64."""
    return self.keys // self.num_items

  @functools.cached_property
  def items(self) -> np.ndarray:
    """`[n]` int64."""
    return self.keys - self.rows * self.num_items

  def key(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[m]` int64, the keys of rows and items `[m]`."""
    return rows * np.int64(self.num_items) + items

  def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[m]`, the scores of rows and items `[m]`, 0 where there is none."""
    return values_at(self.values, *look_up(self.keys, self.key(rows, items)))

  def with_values(self, values: np.ndarray) -> Self:
    """Other values `[n]`; what is not above 0 goes."""
    kept = values > 0
    if kept.all():
      return dataclasses.replace(self, values=values)
    return dataclasses.replace(self, keys=self.keys[kept], values=values[kept])

  def linked(self, links: Sparse) -> tuple[np.ndarray, np.ndarray]:
    """The terms of the product with links `[N, N]`: keys and values `[m]`."""
    starts, ends = links.indptr[self.items], links.indptr[self.items + 1]
    size = ends - starts
    # Long runs of memory: slices are copied faster than places are picked.
    spans = [*map(slice, starts.tolist(), ends.tolist()), slice(0)]
    columns = np.concatenate([links.indices[span] for span in spans])
    data = np.concatenate([links.data[span] for span in spans])
    keys = np.repeat(self.rows * self.num_items, size) + columns
    return keys, np.repeat(self.values, size) * data

  def times(self, links: Sparse) -> "Scores":
    """The product with links `[N, N]`, a CSR matrix."""
    return summed(*self.linked(links), num_items=self.num_items)


def summed(keys: np.ndarray, values: np.ndarray, *, num_items: int) -> Scores:
  """The scores that are the sums of `values` `[m]` with equal `keys` `[m]`."""
  keys, order = stable_sort(keys)
  starts = starts_of(keys)
  values = values[order]
  if len(starts) < len(keys):
    values = np.add.reduceat(values, starts)
  return Scores(keys[starts], values.astype(np.float32), num_items)
