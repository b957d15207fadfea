"""New impressions, clicks and purchases, as a table that a version keeps.

A row is an event, checked as an import checks it. Events of items that nobody
knows are left out, and so are late ones, from before the last event of their
user: what was learned had other histories. So is what is known already, the
same item at the last second of its user, as where two files overlap. All are
counted and named in one line.
"""

import dataclasses
import pathlib
import time
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import polars as pl

from gr_jax.data.imports import read
from gr_jax.data.imports.checks import check_events
from gr_jax.data.imports.summary import count_rejects
from gr_jax.data.imports.times import unix_times
from gr_jax.data.requests import Requests

_LATE = "late: before the last event of its user that is known"
_KNOWN = "known: the last second of its user has that item already"
_COLUMNS = ("user_id", "item", "kind", "query", "session", "amount")
_TIMES = ("seconds", "nanoseconds", "place")


@dataclasses.dataclass(frozen=True)
class NewEvents:
  """The events of one update.

  Attributes:
    frame: user_id, item (the row in the grown catalogue), kind and, where
      known, seconds, nanoseconds, place, query, session and amount; row is the
      place in the file.
    rows_read: the rows of the file.
    left_out: the number of rows by reason.
  """

  frame: pl.DataFrame
  rows_read: int
  left_out: Mapping[str, int]

  def sentence(self) -> str:
    """What was read, in one line."""
    lost = listed(self.left_out)
    return f"{self.frame.height} of {self.rows_read} events are new{lost}"


def listed(left_out: Mapping[str, int]) -> str:
  """Rows by reason, as the end of a sentence."""
  return "".join(f"; left out {n} x {why}" for why, n in left_out.items())


def read_events(
  path: pathlib.Path,
  known: Requests,
  item_ids: np.ndarray,
  *,
  columns: Mapping[str, str],
  event_types: Mapping[str, str],
  time_format: str = "",
  usual: Mapping[str, str] = MappingProxyType({}),
) -> NewEvents:
  """Reads and checks a file of events.

  Args:
    path: a CSV, JSONL or Parquet file, as `gr_jax.import_data` reads it; a
      split column is not read, as all of it is new.
    known: the log so far.
    item_ids: `[N]`, the ids of the grown catalogue.
    columns: our names to those of the file.
    event_types: the types of the file to "exposure", "click" or "order".
    time_format: the form of times that are no unix time or ISO 8601.
    usual: columns of the import, see `read_alone`.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: it cannot be read, has no times where the log has some, or no
      event is left.
  """
  table = read.read_alone(path, "events", columns, usual)
  if "split" in table.frame.columns:
    table = dataclasses.replace(table, frame=table.frame.drop("split"))
  if known.shared_clock and "time" not in table.frame.columns:
    raise ValueError(
      f"{path} has no column 'time', and the run was trained on times: add it, "
      "or name yours with --columns=time=YOURS."
    )
  if not known.shared_clock and "time" in table.frame.columns:
    # The clock of the log are positions: times only order new events.
    seconds, nanoseconds = unix_times(table.frame["time"], time_format)
    order = _ranks(seconds, nanoseconds)
    table = dataclasses.replace(table, frame=table.frame.drop("time"))
    if "order" not in table.frame.columns:
      table = table.derive(order.alias("order"))
  checked = check_events(
    table,
    item_ids=pl.Series(item_ids.tolist(), dtype=pl.String),
    event_types=event_types,
    time_format=time_format,
    now=int(time.time()),
  )
  if known.shared_clock:
    late = _before_the_last(checked.frame, known)
    checked = checked.drop(late, _LATE)
    checked = checked.drop(_known_already(checked.frame, known), _KNOWN)
  left_out = {reason: n for _, reason, n, _ in count_rejects(checked.rejects)}
  kept = [
    name
    for name in ("row", *_COLUMNS, *_TIMES)
    if name in checked.frame.columns
  ]
  found = NewEvents(checked.frame.select(kept), table.rows_read, left_out)
  if not found.frame.height:
    raise ValueError(f"{path}: {found.sentence()}: nothing is left to learn.")
  return found


def _before_the_last(frame: pl.DataFrame, known: Requests) -> pl.Expr:
  """True for events before the last known one of their user."""
  ends = known.user_offsets[1:]
  some = ends > known.user_offsets[:-1]
  last = pl.DataFrame(
    {
      "user_id": pl.Series(known.user_ids[some].tolist(), dtype=pl.String),
      "last": known.event_time[ends[some] - 1],
    }
  )
  times = frame.select("user_id", "seconds").join(
    last, on="user_id", how="left", maintain_order="left"
  )
  late = (times["seconds"] < times["last"]).fill_null(False)
  return pl.lit(late)


def _known_already(frame: pl.DataFrame, known: Requests) -> pl.Expr:
  """True for items that the log has at the last second of their user."""
  ends = known.user_offsets[1:]
  user = known.event_user
  rows = np.flatnonzero(known.event_time == known.event_time[ends[user] - 1])
  there = pl.DataFrame(
    {
      "user_id": pl.Series(
        known.user_ids[user[rows]].tolist(), dtype=pl.String
      ),
      "item": pl.Series(known.event_item[rows], dtype=frame["item"].dtype),
      "seconds": pl.Series(known.event_time[rows], dtype=pl.Int64),
      "known": True,
    }
  ).unique()
  found = frame.select("user_id", "item", "seconds").join(
    there,
    on=("user_id", "item", "seconds"),
    how="left",
    maintain_order="left",
  )
  return pl.lit(found["known"].fill_null(False))


def _ranks(seconds: pl.Series, nanoseconds: pl.Series) -> pl.Series:
  """Texts `[n]` that order as times do; null where one cannot be read."""
  times = pl.DataFrame({"seconds": seconds, "nanoseconds": nanoseconds})
  return times.select(
    pl.when(pl.col("seconds").is_not_null())
    .then(pl.struct("seconds", "nanoseconds").rank("dense"))
    .cast(pl.String)
  ).to_series()
