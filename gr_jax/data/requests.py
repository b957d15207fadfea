"""Requests: the user, the history, the query and the page of each."""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array

TRAIN, VALID, TEST = 0, 1, 2
EXPOSED, CLICKED, ORDERED = 0, 1, 2

_DTYPES = {
  "user_offsets": np.int64,
  "event_item": np.int32,
  "event_time": np.int64,
  "user": np.int32,
  "time": np.int64,
  "history_end": np.int64,
  "query": np.int32,
  "split": np.int8,
  "page_offsets": np.int64,
  "page_item": np.int32,
  "page_kind": np.int8,
  "page_value": np.float32,
  "own_item": np.int32,
  "event_split": np.int8,
  "event_action": np.int8,
}
# Folders of earlier versions lack them.
_LATER = ("own_item", "event_split", "event_action")
_ARRAYS_FILE = "arrays.npz"
_USERS_FILE = "users.parquet"
_QUERIES_FILE = "queries.parquet"
_BLOCK = 1 << 22  # Rows that are checked at once.


@dataclasses.dataclass(frozen=True, eq=False)
class Requests:
  """R requests of U users, whose E events are stored once and shared.

  Attributes:
    user_ids: `[U]` object str.
    profiles: `[U]` object, tuples of "field=value" facts, often empty.
    user_offsets: `[U+1]` int64 into events: a user's events are consecutive,
      oldest first.
    event_item: `[E]` int32 catalogue rows.
    event_time: `[E]` int64 unix seconds, or positions where time is unknown.
    user: `[R]` int32.
    time: `[R]` int64, in the unit of `event_time`.
    history_end: `[R]` int64; the history of r is
      event_item[user_offsets[user[r]] : history_end[r]], newest last, every
      event of it before time[r].
    query: `[R]` int32 row of `queries`, -1 = no query.
    split: `[R]` int8, TRAIN, VALID or TEST.
    page_offsets: `[R+1]` int64 into the pages.
    page_item: `[P]` int32 catalogue rows.
    page_kind: `[P]` int8, EXPOSED, CLICKED or ORDERED.
    page_value: `[P]` float32, the price that was paid, 0 if none was; of ads
      what showing them was worth (eCPM).
    queries: `[Q]` object str.
    shared_clock: True where times of different users can be compared, False
      where they are positions.
    own_item: `[R]` int32, the catalogue row of the item that asks, which is no
      answer to its own request (`sources/beir.py`); -1 = none. If None, -1.
    event_split: `[E]` int8, the split that a published split gives the event;
      None where the requests alone say what is held out.
    event_action: `[E]` int8, what the user did: one of the kinds of pages, or a
      rating; None where it is not known.

  Raises:
    ValueError: a shape, dtype, range or order does not hold, or a history
      reaches into the present of its request.
  """

  user_ids: np.ndarray
  profiles: np.ndarray
  user_offsets: np.ndarray
  event_item: np.ndarray
  event_time: np.ndarray
  user: np.ndarray
  time: np.ndarray
  history_end: np.ndarray
  query: np.ndarray
  split: np.ndarray
  page_offsets: np.ndarray
  page_item: np.ndarray
  page_kind: np.ndarray
  page_value: np.ndarray
  queries: np.ndarray
  shared_clock: bool = True
  own_item: np.ndarray = None  # type: ignore[assignment]  # Never afterwards.
  event_split: np.ndarray | None = None
  event_action: np.ndarray | None = None

  def __post_init__(self):
    if self.own_item is None:
      nobody = np.full(len(self.user), -1, np.int32)
      object.__setattr__(self, "own_item", nobody)
    for name, array in self._arrays.items():
      dtype = _DTYPES[name]
      if array.dtype != dtype or array.ndim != 1:
        raise ValueError(
          f"Requests.{name} is {array.dtype}{list(array.shape)}; it must be a "
          f"vector of {np.dtype(dtype)}."
        )
    users, requests = len(self.user_ids), len(self.user)
    _check_length(self, users, ("profiles",))
    _check_length(self, requests, ("time", "history_end", "query", "split"))
    _check_length(self, requests, ("own_item",))
    _check_length(self, len(self.event_item), ("event_time",))
    _check_length(self, len(self.page_item), ("page_kind", "page_value"))
    _check_offsets(self, "user_offsets", users, len(self.event_item))
    _check_offsets(self, "page_offsets", requests, len(self.page_item))
    _check_range(self, "event_item", 0, np.iinfo(np.int32).max)
    _check_range(self, "user", 0, users - 1)
    _check_range(self, "query", -1, len(self.queries) - 1)
    _check_range(self, "split", TRAIN, TEST)
    _check_range(self, "own_item", -1, np.iinfo(np.int32).max)
    _check_range(self, "page_item", 0, np.iinfo(np.int32).max)
    _check_range(self, "page_kind", EXPOSED, ORDERED)
    if self.event_split is not None:
      _check_length(self, len(self.event_item), ("event_split",))
      _check_range(self, "event_split", TRAIN, TEST)
    if self.event_action is not None:
      _check_length(self, len(self.event_item), ("event_action",))
      _check_range(self, "event_action", 0, np.iinfo(np.int8).max)
    _check_event_order(self)
    _check_histories(self)

  def __len__(self) -> int:
    return len(self.user)

  @property
  def _arrays(self) -> dict[str, Any]:
    found = {name: getattr(self, name) for name in _DTYPES}
    return {name: array for name, array in found.items() if array is not None}

  @functools.cached_property
  def page_request(self) -> np.ndarray:
    """The row `[P]` int64 of the request that each page entry belongs to."""
    rows = np.repeat(np.arange(len(self)), np.diff(self.page_offsets))
    rows.flags.writeable = False  # Every reader shares it.
    return rows

  @functools.cached_property
  def event_user(self) -> np.ndarray:
    """The row `[E]` int64 of the user of each event."""
    rows = np.repeat(np.arange(len(self.user_ids)), np.diff(self.user_offsets))
    rows.flags.writeable = False  # Every reader shares it.
    return rows

  def history(self, r: int) -> np.ndarray:
    """Returns the items `[T]` int32 of the past of request r, newest last."""
    begin = self.user_offsets[self.user[r]]
    return self.event_item[begin : self.history_end[r]]

  def targets(self, r: int) -> np.ndarray:
    """Returns the distinct clicked or ordered items `[n]` of request r."""
    page = slice(self.page_offsets[r], self.page_offsets[r + 1])
    items = self.page_item[page][self.page_kind[page] > EXPOSED]
    _, first = np.unique(items, return_index=True)
    return items[np.sort(first)]

  def rows(self, split: int, kind: str) -> np.ndarray:
    """Returns the rows of a split and a kind, "search" or "next_basket"."""
    if kind not in ("search", "next_basket"):
      raise ValueError(f"kind is {kind!r}; use 'search' or 'next_basket'.")
    return np.flatnonzero(
      (self.split == split) & ((self.query >= 0) == (kind == "search"))
    ).astype(np.int64)

  def save(self, directory: Path) -> None:
    """Writes the requests as files in `directory`; `load` is bit-exact."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    np.savez(
      directory / _ARRAYS_FILE,
      shared_clock=self.shared_clock,
      **self._arrays,
    )
    profiles = [list(profile) for profile in self.profiles.tolist()]
    pl.DataFrame(
      {"user_id": self.user_ids.tolist(), "profile": profiles},
      schema={"user_id": pl.String, "profile": pl.List(pl.String)},
    ).write_parquet(directory / _USERS_FILE)
    pl.DataFrame(
      {"query": self.queries.tolist()}, schema={"query": pl.String}
    ).write_parquet(directory / _QUERIES_FILE)

  @classmethod
  def load(cls, directory: Path) -> "Requests":
    """Reads the files of `save`; FileNotFoundError if one is missing."""
    directory = Path(directory)
    for name in (_ARRAYS_FILE, _USERS_FILE, _QUERIES_FILE):
      if not (directory / name).is_file():
        raise FileNotFoundError(f"No requests in {directory}: {name} missing.")
    with np.load(directory / _ARRAYS_FILE, allow_pickle=False) as file:
      names = [name for name in _DTYPES if name in file or name not in _LATER]
      arrays = {name: file[name] for name in names}
      clock = bool(file["shared_clock"]) if "shared_clock" in file else True
    # Not memory-mapped: the file may be replaced while the table is alive.
    users = pl.read_parquet(directory / _USERS_FILE, memory_map=False)
    queries = pl.read_parquet(directory / _QUERIES_FILE, memory_map=False)
    return cls(
      user_ids=object_array(users["user_id"].to_list()),
      profiles=object_array([tuple(p) for p in users["profile"].to_list()]),
      queries=object_array(queries["query"].to_list()),
      shared_clock=clock,
      **arrays,
    )


def _check_length(requests: Requests, n: int, names: tuple[str, ...]) -> None:
  for name in names:
    if len(getattr(requests, name)) != n:
      raise ValueError(
        f"Requests.{name} has {len(getattr(requests, name))} rows where its "
        f"neighbours have {n}."
      )


def _check_offsets(requests: Requests, name: str, rows: int, end: int) -> None:
  offsets = getattr(requests, name)
  if len(offsets) != rows + 1 or offsets[0] != 0 or offsets[-1] != end:
    raise ValueError(
      f"Requests.{name} has {len(offsets)} entries for {rows} rows and must "
      f"run from 0 to {end}."
    )
  if (np.diff(offsets) < 0).any():
    row = int(np.flatnonzero(np.diff(offsets) < 0)[0])
    raise ValueError(
      f"Requests.{name} falls from {offsets[row]} to {offsets[row + 1]} at row "
      f"{row}; offsets must not fall."
    )


def _check_range(requests: Requests, name: str, low: int, high: int) -> None:
  array = getattr(requests, name)
  if len(array) and (array.min() < low or array.max() > high):
    row = int(np.flatnonzero((array < low) | (array > high))[0])
    raise ValueError(
      f"Requests.{name}[{row}] is {array[row]}, outside {low}..{high}."
    )


def _check_event_order(requests: Requests) -> None:
  times = requests.event_time
  # Between two users time may start again.
  starts = np.zeros(len(times) + 1, bool)
  starts[requests.user_offsets] = True
  for some in _blocks(len(times) - 1):
    later = slice(some.start + 1, some.stop + 1)
    falls = (times[later] < times[some]) & ~starts[later]
    if falls.any():
      row = some.start + int(np.flatnonzero(falls)[0]) + 1
      raise ValueError(
        f"Requests.event_time[{row}] is before the user's previous event; sort "
        "the events of a user oldest first."
      )


def _check_histories(requests: Requests) -> None:
  for some in _blocks(len(requests.user)):
    user, end = requests.user[some], requests.history_end[some]
    begin = requests.user_offsets[user]
    wrong = (end < begin) | (end > requests.user_offsets[user + 1])
    if wrong.any():
      place = int(np.flatnonzero(wrong)[0])
      raise ValueError(
        f"Requests.history_end[{some.start + place}] is {end[place]}, outside "
        f"the events of user {user[place]}."
      )
    rows = np.flatnonzero(end > begin)
    late = requests.event_time[end[rows] - 1] >= requests.time[some][rows]
    if late.any():
      row = some.start + int(rows[np.flatnonzero(late)[0]])
      raise ValueError(
        f"The history of request {row} reaches time {requests.time[row]} of "
        "the request itself; it must end before."
      )


def _blocks(rows: int) -> Iterator[slice]:
  """Some rows at once: of a long log each copy counts."""
  for begin in range(0, rows, _BLOCK):
    yield slice(begin, min(begin + _BLOCK, rows))
