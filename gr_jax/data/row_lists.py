"""One list of catalogue rows per request, in two flat arrays."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class RowLists:
  """List `r` is `rows[offsets[r] : offsets[r + 1]]`.

  Histories, seen items and relevant items all have this form.

  Attributes:
    offsets: `[R + 1]` int64, starts at 0, never falls, ends at `len(rows)`.
    rows: `[P]` catalogue rows (or rows of any other table).

  Raises:
    ValueError: the offsets do not cut `rows` into lists.
  """

  offsets: np.ndarray
  rows: np.ndarray

  def __post_init__(self):
    ends = (self.offsets[0], self.offsets[-1])
    if ends != (0, len(self.rows)) or np.any(np.diff(self.offsets) < 0):
      raise ValueError(
        f"offsets must rise from 0 to {len(self.rows)} (the number of rows), "
        f"got {ends[0]} to {ends[1]}"
      )

  def __len__(self) -> int:
    return len(self.offsets) - 1

  def __getitem__(self, r: int) -> np.ndarray:
    return self.rows[self.offsets[r] : self.offsets[r + 1]]

  @property
  def sizes(self) -> np.ndarray:
    """The length `[R]` of each list."""
    return np.diff(self.offsets)

  @property
  def owners(self) -> np.ndarray:
    """The list `[P]` that each entry belongs to."""
    return np.repeat(np.arange(len(self)), self.sizes)


def offsets_of(sizes: np.ndarray) -> np.ndarray:
  """Returns the offsets `[R + 1]` int64 of lists of the sizes `[R]`."""
  return np.append(0, np.cumsum(sizes)).astype(np.int64)


def span_places(starts: np.ndarray, ends: np.ndarray) -> RowLists:
  """Returns the lists of places `starts[r], .., ends[r] - 1`."""
  starts, ends = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
  sizes = ends - starts
  offsets = offsets_of(sizes)
  places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
  return RowLists(offsets, places)


def from_spans(
  rows: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> RowLists:
  """Returns the lists `rows[starts[r] : ends[r]]`, which may overlap."""
  places = span_places(starts, ends)
  return RowLists(places.offsets, rows[places.rows])


def part(lists: RowLists, start: int, stop: int) -> RowLists:
  """Returns lists `start` to `stop`, without copying the rows."""
  offsets = lists.offsets[start : stop + 1]
  return RowLists(offsets - offsets[0], lists.rows[offsets[0] : offsets[-1]])


def newest(lists: RowLists, count: int) -> RowLists:
  """Returns the last `count` entries of each list in their order."""
  ends = lists.offsets[1:]
  return from_spans(
    lists.rows, np.maximum(lists.offsets[:-1], ends - count), ends
  )


def where(lists: RowLists, keep_mask: np.ndarray) -> RowLists:
  """Keeps the entries where `keep_mask [P]` is true, in their order."""
  kept_before = offsets_of(keep_mask)
  return RowLists(kept_before[lists.offsets], lists.rows[keep_mask])


def distinct(lists: RowLists) -> RowLists:
  """Keeps the first occurrence of every row in each list, in their order."""
  _, first = np.unique(_keys(lists, _span(lists)), return_index=True)
  keep_mask = np.zeros(len(lists.rows), bool)
  keep_mask[first] = True
  return where(lists, keep_mask)


def joined(first: RowLists, second: RowLists) -> RowLists:
  """Puts the rows of `second[r]` behind those of `first[r]`."""
  owners = np.append(first.owners, second.owners)
  rows = np.append(first.rows, second.rows)
  return RowLists(
    first.offsets + second.offsets, rows[np.argsort(owners, kind="stable")]
  )


def without(lists: RowLists, others: RowLists) -> RowLists:
  """Takes the rows of `others[r]` out of list `r`."""
  span = max(_span(lists), _span(others))
  return where(lists, ~np.isin(_keys(lists, span), _keys(others, span)))


def _span(lists: RowLists) -> int:
  return int(lists.rows.max(initial=0)) + 1


def _keys(lists: RowLists, span: int) -> np.ndarray:
  """Returns one number per (list, row), so that joins are joins of numbers."""
  return lists.owners * span + lists.rows
