"""Events of users in their order, with the pages that they are on."""

import dataclasses

import numpy as np
import polars as pl

from gr_jax.data.imports.published_split import late_events, refuse_late
from gr_jax.data.imports.words import map_words
from gr_jax.data.requests import TRAIN

_COLUMNS = {
  "query": pl.String,
  "session": pl.String,
  "amount": pl.Float64,
  "part": pl.Int8,
}
_USED = (
  *("row", "user_id", "item", "kind", "seconds", "nanoseconds", "place"),
  *_COLUMNS,
)
# Events that are worked on at once; the memory for it is a few hundred bytes
# of each.
_BLOCK = 1 << 19


@dataclasses.dataclass(frozen=True)
class UserBlocks:
  """The events of users, some users in each block.

  Attributes:
    users: The ids `[U]` of the users, sorted.
    blocks: The events of users that follow one another; `user_id` is the row of
      the user. Whoever reads a block may take it out, to free it.
  """

  users: pl.Series
  blocks: list[pl.DataFrame]


def user_blocks(events: pl.DataFrame) -> UserBlocks:
  """Cuts checked events into blocks of users, in the order of their ids."""
  events = events.select(name for name in _USED if name in events.columns)
  ids = events["user_id"]
  users = ids.unique().cast(pl.String).sort()
  known = pl.Enum(users)
  rows = map_words(
    ids, lambda part: part.cast(known).to_physical().cast(pl.Int32)
  )
  events = events.with_columns(rows)
  ends = np.cumsum(np.bincount(rows.to_numpy(), minlength=len(users)))
  block_of_user = pl.Series((ends - 1) // _BLOCK)
  if not len(users) or block_of_user[-1] == 0:
    return UserBlocks(users, [events])
  block = block_of_user.cast(pl.UInt16).gather(rows)
  return UserBlocks(
    users,
    [events.filter(block == i) for i in block_of_user.unique().sort()],
  )


def ordered_events(events: pl.DataFrame) -> pl.DataFrame:
  """Sorts events by user, then time, place, row, and numbers their pages.

  Times count to the nanosecond; what is kept of them are seconds. Events at one
  moment, or without time and place, stand in the order of their splits.

  Pages are the events of a user with the same split, session and query; without
  a session, with the same second (without a time, the same place) and query;
  without a time and place, neighbouring events with the same query, and events
  without a query stand alone. Pages are numbered by user and time.

  Args:
    events: The checked events, with columns row, user_id, item, kind, and
      where known seconds, nanoseconds, place, part, query, session, amount.

  Returns:
    columns user_id, item, kind, query, amount, part, time (unix seconds, or the
    position among the user's events, where a shared place is one), page, and
    page_time, when a page began.

  Raises:
    ValueError: an event comes after one of a later split of its user.
  """
  events = sorted_events(events)
  refuse_late(late_events(events))
  return numbered_pages(events)


def sorted_events(events: pl.DataFrame) -> pl.DataFrame:
  """Sorts events and adds the columns that they may lack."""
  events = events.with_columns(
    pl.lit(None, dtype).alias(name)
    for name, dtype in _COLUMNS.items()
    if name not in events.columns
  ).with_columns(pl.col("part").fill_null(TRAIN))
  keys = ("user_id", "seconds", "nanoseconds", "place", "part", "row")
  # Rows of a list, as a page of impressions, keep the order of the list.
  return events.sort(
    [name for name in keys if name in events.columns], maintain_order=True
  )


def numbered_pages(events: pl.DataFrame) -> pl.DataFrame:
  """Numbers the pages of sorted events, see `ordered_events`."""
  if "seconds" in events.columns:
    events = events.with_columns(time=pl.col("seconds"), moment="seconds")
  elif "place" in events.columns:
    rank = pl.col("place").rank("dense").over("user_id").cast(pl.Int64) - 1
    events = events.with_columns(time=rank, moment=rank)
  else:
    position = pl.int_range(pl.len(), dtype=pl.Int64).over("user_id")
    events = events.with_columns(time=position).with_columns(moment=_runs())
  # A session is a word and a moment a number: they never meet.
  place = pl.when(pl.col("session").is_null()).then(pl.col("moment"))
  events = events.with_columns(moment=place)
  keys = ["user_id", "session", "moment", "query", "part"]
  pages = events.group_by(keys, maintain_order=True).agg(
    page_time=pl.col("time").min()
  )
  pages = pages.with_row_index("page")
  events = events.join(
    pages, on=keys, how="left", nulls_equal=True, maintain_order="left"
  )
  return events.select(
    "user_id", "item", "kind", "query", "amount", "part", "time", "page",
    "page_time",
  )  # fmt: skip


def _runs() -> pl.Expr:
  """Numbers runs of one user's equal queries; no query is a run of its own."""
  query, user = pl.col("query"), pl.col("user_id")
  same = (query == query.shift(1)) & (user == user.shift(1))
  return same.fill_null(False).not_().cum_sum().cast(pl.Int64)
