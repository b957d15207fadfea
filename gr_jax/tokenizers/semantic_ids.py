"""The table of semantic IDs: item to codes, and codes back to items."""

import dataclasses
import functools
import json
import math
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class SemanticIds:
  """Codes of every catalogue row; several rows may share an ID.

  Attributes:
    codes: `[N, L]` int32, aligned with the catalogue; -1 after a code that
      ends early.
    level_sizes: codes per level, `C_l`; never changes once IDs were given out.

  Raises:
    ValueError: codes out of range, or a code after an end.
  """

  codes: np.ndarray
  level_sizes: tuple[int, ...]

  def __post_init__(self):
    codes = np.ascontiguousarray(self.codes, dtype=np.int32)
    object.__setattr__(self, "codes", codes)
    sizes = tuple(int(size) for size in self.level_sizes)
    object.__setattr__(self, "level_sizes", sizes)
    _check(codes, sizes)

  def __len__(self) -> int:
    return len(self.codes)

  @property
  def num_levels(self) -> int:
    """L."""
    return len(self.level_sizes)

  @property
  def num_ids(self) -> int:
    """M, distinct IDs."""
    return len(self.ids)

  @property
  def ids(self) -> np.ndarray:
    """`[M, L]` distinct rows of `codes`, lexicographic; -1 sorts first."""
    return self._distinct[0]

  @property
  def id_of_item(self) -> np.ndarray:
    """`[N]` int64: the row of `ids` that an item carries."""
    return self._distinct[1]

  @functools.cached_property
  def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
    return distinct_rows(self.codes, self.level_sizes)

  @functools.cached_property
  def item_offsets(self) -> np.ndarray:
    """`[M + 1]` int64: ID m names `items[offsets[m]:offsets[m + 1]]`."""
    counts = np.bincount(self.id_of_item, minlength=self.num_ids)
    return np.concatenate([[0], np.cumsum(counts)])

  @functools.cached_property
  def items(self) -> np.ndarray:
    """`[N]` int64 catalogue rows grouped by ID, ascending within one."""
    return np.argsort(self.id_of_item, kind="stable")

  def append(self, new_codes: np.ndarray) -> "SemanticIds":
    """IDs of new catalogue rows behind the old ones, which do not move.

    Raises:
      ValueError: codes that do not fit `level_sizes`.
    """
    new_codes = np.asarray(new_codes)
    if new_codes.ndim != 2 or new_codes.shape[1] != self.num_levels:
      raise ValueError(
        f"new codes must be [n, {self.num_levels}]; got {new_codes.shape}."
      )
    grown = SemanticIds(np.vstack([self.codes, new_codes]), self.level_sizes)
    # Where the old order is known the new one is a few passes over memory: a
    # catalogue that grows while it is served is not sorted anew each time.
    known = self.__dict__
    if len(self) and "_distinct" in known and _packable(self.level_sizes):
      grown.__dict__["_distinct"] = self._merged(grown.codes[len(self) :])
      if "items" in known:
        grown.__dict__["items"] = self._merged_items(grown)
    return grown

  def _merged(self, new_codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_distinct` of all rows, from that of the old ones."""
    known = pack_rows(self.ids, self.level_sizes)
    keys, first, inverse = np.unique(
      pack_rows(new_codes, self.level_sizes),
      return_index=True,
      return_inverse=True,
    )
    places = np.searchsorted(known, keys)
    there = known[np.minimum(places, len(known) - 1)] == keys
    fresh = places[~there]
    ids = np.insert(self.ids, fresh, new_codes[first[~there]], axis=0)
    # An old row moves by the number of fresh ones before it.
    moved = np.cumsum(np.bincount(fresh, minlength=len(known)))[: len(known)]
    old = self.id_of_item + moved[self.id_of_item]
    before = np.cumsum(~there) - ~there
    return ids, np.concatenate([old, (places + before)[inverse]])

  def _merged_items(self, grown: "SemanticIds") -> np.ndarray:
    """`items` of all rows: new ones stand last in their ID."""
    old, rows = len(self), np.arange(len(self), len(grown))
    order = np.argsort(grown.id_of_item[old:], kind="stable")
    owners, new = grown.id_of_item[self.items], grown.id_of_item[old:]
    places = np.searchsorted(owners, new[order], "right")
    return np.insert(self.items, places, rows[order])

  def save(self, directory: Path) -> None:
    """Writes `codes.npy` and `level_sizes.json`."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / "codes.npy", self.codes)
    text = json.dumps(self.level_sizes)
    (directory / "level_sizes.json").write_text(text)

  @classmethod
  def load(cls, directory: Path) -> "SemanticIds":
    """Reads what `save` wrote, bit for bit.

    Raises:
      FileNotFoundError: a file is missing.
    """
    directory = Path(directory)
    sizes = json.loads((directory / "level_sizes.json").read_text())
    return cls(np.load(directory / "codes.npy"), tuple(sizes))


def _check(codes: np.ndarray, sizes: tuple[int, ...]) -> None:
  if codes.ndim != 2 or codes.shape[1] != len(sizes) or not sizes:
    raise ValueError(
      f"codes must be [N, {len(sizes)}] for level sizes {sizes}; "
      f"got {codes.shape}."
    )
  bad_mask = (codes < -1) | (codes >= np.asarray(sizes))
  bad_mask[:, 0] |= codes[:, 0] < 0
  bad_mask[:, 1:] |= (codes[:, :-1] < 0) & (codes[:, 1:] >= 0)
  if bad_mask.any():
    row = int(np.flatnonzero(bad_mask.any(axis=1))[0])
    raise ValueError(
      f"row {row} has codes {codes[row].tolist()}; level l takes 0..C_l-1 with "
      f"C = {sizes}, and after -1 (from the second level on) only -1."
    )


def distinct_rows(
  codes: np.ndarray, level_sizes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
  """Distinct rows of `[N, L]` in order, and each row's place among them.

  Rows are packed into one integer where it holds them (a sort of integers is
  ten times faster than one of rows).
  """
  if _packable(level_sizes):
    _, first, inverse = np.unique(
      pack_rows(codes, level_sizes), return_index=True, return_inverse=True
    )
    return codes[first], inverse
  ids, inverse = np.unique(codes, axis=0, return_inverse=True)
  return ids, inverse.reshape(-1)


def _packable(level_sizes: tuple[int, ...]) -> bool:
  return math.prod(size + 1 for size in level_sizes) < 2**63


def pack_rows(codes: np.ndarray, level_sizes: tuple[int, ...]) -> np.ndarray:
  """`[N]` int64 that orders rows `[N, L]` lexicographically; -1 first."""
  packed = np.zeros(len(codes), np.int64)
  for level, size in enumerate(level_sizes):
    packed = packed * (size + 1) + codes[:, level] + 1
  return packed
