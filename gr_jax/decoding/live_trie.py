"""A catalogue that changes while it is searched.

Every version is a value: `add` and `remove` return the next one and leave this
one as it is, so that a request keeps the version it began with. All versions
have the same shapes and the same static fields, and the search never compiles
again. Of a version's arrays only what lies behind a change moves, in a handful
of passes over memory; nothing is sorted or built anew. `[OURS]`; no
constrained search that we know of takes a change without a new build.

Rows shift when IDs come and go. What stays is the number of an ID, given out
once, and never again when the ID is gone.
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import numpy as np

from gr_jax.decoding.trie import Trie, trie_arrays
from gr_jax.decoding.trie_edits import insert_rows, locate, remove_rows


@dataclasses.dataclass(frozen=True, eq=False)
class LiveTrie:
  """One version of the catalogue, made by `make_live_trie` and its successors.

  Attributes:
    trie: on the device: the argument of a compiled search.
    arrays: the arrays of the trie in numpy.
    numbers: `[R]` int32, the number of each row's ID: 0.. for the first table,
      then counted on in the order in which IDs were added.
    next_number: the first number not given out.
    version: 0, and one more for every change.
  """

  trie: Trie
  arrays: Trie
  numbers: np.ndarray
  next_number: int
  version: int = 0

  @property
  def num_ids(self) -> int:
    """`R`, IDs of this version."""
    return len(self.numbers)

  @property
  def capacity(self) -> int:
    """Rows that a mask over IDs has, the same for all versions."""
    return self.arrays.capacity

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return self.arrays.level_sizes

  @functools.cached_property
  def ids(self) -> np.ndarray:
    """`[R, L]` int32, the sorted table; -1 after an early end."""
    nodes = np.arange(self.num_ids)
    columns = []
    for level in reversed(range(self.arrays.num_levels)):
      column = self.arrays.codes[level][nodes].astype(np.int32)
      column = np.where(column == self.level_sizes[level], -1, column)
      columns.insert(0, column)
      offsets = self.arrays.offsets[level]
      parents = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
      nodes = parents[nodes]
    return np.stack(columns, axis=1)

  def rows_of(self, codes: np.ndarray) -> np.ndarray:
    """Row of each of `codes` `[n, L]` in this version, -1 where there is none.

    Raises:
      ValueError: unless `codes` has `L` columns.
    """
    codes = self._checked(codes)
    places = locate(self.arrays, codes)
    return np.where(places.there[-1], places.nodes[-1], -1)

  def add(self, codes: np.ndarray) -> "LiveTrie":
    """The version with the IDs `codes` `[n, L]` as well.

    IDs that are there, and repeats, change nothing.

    Raises:
      ValueError: codes that do not fit the levels, more IDs than the capacity,
        or early ends where the catalogue was made without.
    """
    codes = self._checked(codes)
    order = np.lexsort(codes.T[::-1])
    codes = codes[order]
    places = locate(self.arrays, codes)
    new = ~places.there[-1]
    new[1:] &= (codes[1:] != codes[:-1]).any(axis=1)
    new = np.flatnonzero(new)
    num_ids = self.num_ids + len(new)
    if num_ids > self.capacity:
      raise ValueError(
        f"{num_ids} IDs do not fit a capacity of {self.capacity}: "
        "make_live_trie with a larger one."
      )
    if not len(new):
      return self
    places = jax.tree.map(lambda x: x[new], places)
    # Rows follow the table, numbers the order in which the caller came.
    numbers = self.next_number + np.argsort(np.argsort(order[new]))
    return self._next(
      insert_rows(self.arrays, codes[new], places),
      np.insert(self.numbers, places.nodes[-1], numbers),
      self.next_number + len(new),
    )

  def remove(self, codes: np.ndarray) -> "LiveTrie":
    """The version without the IDs `codes` `[n, L]`; absent ones do not matter.

    Raises:
      ValueError: unless `codes` has `L` columns.
    """
    codes = self._checked(codes)
    rows = self.rows_of(codes)
    rows = np.unique(rows[rows >= 0])
    if not len(rows):
      return self
    return self._next(
      remove_rows(self.arrays, rows),
      np.delete(self.numbers, rows),
      self.next_number,
    )

  def _next(
    self, arrays: Trie, numbers: np.ndarray, next_number: int
  ) -> "LiveTrie":
    return LiveTrie(
      jax.device_put(arrays), arrays, numbers, next_number, self.version + 1
    )

  def _checked(self, codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes)
    levels = len(self.level_sizes)
    if codes.ndim != 2 or codes.shape[1] != levels:
      raise ValueError(f"codes must be [n, {levels}]; got {codes.shape}.")
    sizes = np.asarray(self.level_sizes)
    bad = (codes < -1) | (codes >= sizes)
    bad[:, 0] |= codes[:, 0] < 0
    bad[:, 1:] |= (codes[:, 1:] >= 0) & (codes[:, :-1] < 0)
    if not self.arrays.has_ends:
      bad |= codes < 0
    if bad.any():
      row = int(np.flatnonzero(bad.any(axis=1))[0])
      raise ValueError(
        f"ID {codes[row].tolist()} of row {row} does not fit: level l takes "
        f"0..C_l - 1 with C = {self.level_sizes}, and after -1 only -1"
        f"{'' if self.arrays.has_ends else ' (has_ends=True would allow -1)'}."
      )
    return codes.astype(np.int32)


def make_live_trie(
  ids: np.ndarray,
  level_sizes: Sequence[int],
  *,
  capacity: int,
  has_ends: bool | None = None,
) -> LiveTrie:
  """Version 0 of a catalogue.

  Args:
    ids: `[R, L]` sorted distinct rows (`SemanticIds.ids`); may be empty.
    level_sizes: `C_l`, codes per level.
    capacity: most IDs that any version can hold.
    has_ends: whether IDs of any version may end early; without it, whether
      some of `ids` do.

  Raises:
    ValueError: for rows that `build_trie` refuses.
  """
  ids = np.asarray(ids, np.int32).reshape(-1, len(level_sizes))
  # The arrays of no ID at all are those of any one ID without it.
  some = ids if len(ids) else np.zeros((1, len(level_sizes)), np.int32)
  has_ends = bool((ids < 0).any()) if has_ends is None else has_ends
  arrays = trie_arrays(
    some,
    level_sizes,
    capacity=capacity,
    branches=[size + 1 for size in level_sizes],
    has_ends=has_ends,
  )
  if not len(ids):
    arrays = remove_rows(arrays, np.zeros(1, np.int64))
  return LiveTrie(
    jax.device_put(arrays),
    arrays,
    np.arange(len(ids), dtype=np.int32),
    len(ids),
  )
