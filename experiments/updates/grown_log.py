"""The log of a run, and behind it what updates brought.

A version keeps its own new events alone; the whole log is put together again
from the run's and those of the chain. New events stand behind the known ones of
their user, so histories of known requests are what they were, and nothing that
was learned or held out changes its side.

The newest requests of an update are not learned by it: the last share of them
in time, or, where times are positions, the last one of a share of the users.
The next update learns them.
"""

import dataclasses

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.imports.build_requests import ordered_events
from gr_jax.data.requests import EXPOSED, ORDERED, TRAIN, VALID, Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.training_period import NEVER, event_mask

RUN = 0
"""The number of the run's own requests; those of the n-th update are n."""


@dataclasses.dataclass(frozen=True, eq=False)
class GrownLog:
  """A log whose requests and events know which update brought them.

  Attributes:
    requests: all of them; of those of updates the ones that the last update
      holds out are VALID, the others TRAIN.
    request_update: `[R]` int, `RUN` or the update.
    event_update: `[E]` int, likewise.
    held_out: `[R]` bool, requests that their own update does not learn.
    counted: `[E]` bool, events of the run's training period, and those of
      updates before the first that is held out.
    updates: the number of updates.
  """

  requests: Requests
  request_update: np.ndarray
  event_update: np.ndarray
  held_out: np.ndarray
  counted: np.ndarray
  updates: int = 0

  @property
  def newest(self) -> np.ndarray:
    """`[R]` bool, the requests of the last update."""
    return self.request_update == self.updates

  @property
  def first_learned(self) -> np.ndarray:
    """`[R]` bool, what the last update learns and none before it did."""
    before = (self.request_update == self.updates - 1) & self.held_out
    fresh = self.newest & ~self.held_out
    return (fresh | before) & (self.request_update > RUN)

  @property
  def learned_before(self) -> np.ndarray:
    """`[R]` bool, what the run or an earlier update learned."""
    known = self.request_update < self.updates
    return known & (self.requests.split == TRAIN) & ~self.first_learned

  def popularity(self, num_items: int, *, whole: bool) -> np.ndarray:
    """Counts `[N]` int64 of the training events of each item.

    Args:
      num_items: `N`.
      whole: False leaves out what the last update brought: the counts that its
        parent has.
    """
    counted = self.counted
    if not whole:
      held = (self.event_update == self.updates - 1) & ~self._first_counted
      counted = counted & (self.event_update < self.updates) & ~held
    items = self.requests.event_item[counted]
    return np.bincount(items, minlength=num_items).astype(np.int64)

  @property
  def _first_counted(self) -> np.ndarray:
    """`[E]` bool, events that the update which brought them counted."""
    ends = _ends(self.requests, self.held_out, self.request_update)
    key = self.requests.event_user, self.event_update
    return self.requests.event_time < ends[key]


def of_run(requests: Requests) -> GrownLog:
  """The log of a run before any update."""
  return GrownLog(
    requests,
    request_update=np.full(len(requests), RUN),
    event_update=np.full(len(requests.event_item), RUN),
    held_out=np.zeros(len(requests), bool),
    counted=event_mask(requests),
  )


def grown(
  log: GrownLog,
  events: pl.DataFrame,
  *,
  prices: np.ndarray,
  held_out_share: float,
  seed: int,
) -> GrownLog:
  """The log with the events of one more update.

  Args:
    log: everything before.
    events: as `NewEvents.frame`.
    prices: `[N]`, what an item costs where its order does not say.
    held_out_share: the share of the new requests that this update does not
      learn.
    seed: the seed of the users whose last request that is, without a clock.
  """
  old = log.requests
  new = ordered_events(events)
  users = _all_users(old, new)
  new = _on_the_clock(new.with_columns(user=users.rows(new)), old)
  merged, order = _merged_events(old, new, len(users.ids))
  pages, lines, queries = _pages(new, merged, old, prices)
  update = log.updates + 1
  held_out = _held_out(pages, old.shared_clock, share=held_out_share, seed=seed)
  requests = dataclasses.replace(
    old,
    user_ids=users.ids,
    profiles=object_array(
      [*old.profiles.tolist(), *[()] * (len(users.ids) - len(old.user_ids))]
    ),
    user_offsets=merged.offsets,
    event_item=merged.item,
    event_time=merged.time,
    user=_joined(old.user, pages["user"]),
    time=_joined(old.time, pages["page_time"]),
    history_end=np.append(
      merged.offsets[old.user] + old.history_end - old.user_offsets[old.user],
      pages["history_end"].to_numpy(),
    ),
    query=_joined(old.query, pages["query_row"]),
    split=_joined(
      np.where(log.held_out, np.int8(TRAIN), old.split),
      np.where(held_out, VALID, TRAIN),
    ),
    page_offsets=np.append(
      old.page_offsets,
      old.page_offsets[-1]
      + offsets_of(
        np.bincount(lines["request"].to_numpy(), minlength=len(pages))
      )[1:],
    ),
    page_item=_joined(old.page_item, lines["item"]),
    page_kind=_joined(old.page_kind, lines["kind"]),
    page_value=_joined(old.page_value, lines["value"]),
    queries=queries,
    own_item=_joined(old.own_item, np.full(len(pages), -1)),
    event_split=None
    if old.event_split is None
    else _joined(old.event_split, np.full(merged.added, TRAIN))[order],
  )
  number = np.append(log.request_update, np.full(len(pages), update))
  event_update = np.append(log.event_update, np.full(merged.added, update))
  held_out = np.append(log.held_out, held_out)
  event_update = event_update[order]
  ends = _ends(requests, held_out & (number == update), number)
  # What earlier updates held out is counted from here on.
  counted = np.append(
    log.counted | (log.event_update > RUN), np.ones(merged.added, bool)
  )[order]
  counted &= requests.event_time < ends[requests.event_user, event_update]
  return GrownLog(requests, number, event_update, held_out, counted, update)


@dataclasses.dataclass(frozen=True)
class _Users:
  ids: np.ndarray

  def rows(self, events: pl.DataFrame) -> pl.Series:
    known = pl.DataFrame(
      {"user_id": self.ids.tolist(), "user": np.arange(len(self.ids))},
      schema={"user_id": pl.String, "user": pl.Int32},
    )
    found = events.select("user_id").join(
      known, on="user_id", how="left", maintain_order="left"
    )
    return found["user"]


def _all_users(old: Requests, new: pl.DataFrame) -> _Users:
  known = set(old.user_ids.tolist())
  ids = new["user_id"].unique(maintain_order=True).to_list()
  fresh = [user for user in ids if user not in known]
  return _Users(object_array([*old.user_ids.tolist(), *fresh]))


def _on_the_clock(new: pl.DataFrame, old: Requests) -> pl.DataFrame:
  """Positions go on behind the last known one; times are what they are."""
  if old.shared_clock:
    return new
  ends = old.user_offsets[1:]
  some = ends > old.user_offsets[:-1]
  first = np.zeros(max(len(old.user_ids), new["user"].max() + 1), np.int64)
  first[: len(ends)][some] = old.event_time[ends[some] - 1] + 1
  shift = pl.Series(first[new["user"].to_numpy()])
  return new.with_columns(
    time=pl.col("time") + shift, page_time=pl.col("page_time") + shift
  )


@dataclasses.dataclass(frozen=True)
class _Events:
  offsets: np.ndarray
  item: np.ndarray
  time: np.ndarray
  added: int


def _merged_events(
  old: Requests, new: pl.DataFrame, num_users: int
) -> tuple[_Events, np.ndarray]:
  """All events, and where in (old, new) each of them was."""
  targets = new.filter(pl.col("kind") > EXPOSED)
  user = np.append(old.event_user, targets["user"].to_numpy())
  order = np.argsort(user, kind="stable")
  sizes = np.bincount(user, minlength=num_users)
  return _Events(
    offsets_of(sizes),
    _joined(old.event_item, targets["item"])[order],
    _joined(old.event_time, targets["time"])[order],
    targets.height,
  ), order


def _pages(
  new: pl.DataFrame, merged: _Events, old: Requests, prices: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
  """New requests, the lines of their pages, and all queries.

  As `build_requests`: a page with a click or an order, and a history or a
  query; an item once on a page, at its strongest kind.
  """
  pages = new.group_by("page", maintain_order=True).agg(
    pl.col("user", "page_time", "query").first(),
    answered=(pl.col("kind") > EXPOSED).any(),
  )
  begin, end = (
    merged.offsets[pages["user"].to_numpy() + step] for step in (0, 1)
  )
  starts = [
    first + np.searchsorted(merged.time[first:last], moment)
    for first, last, moment in zip(begin, end, pages["page_time"].to_list())
  ]
  pages = pages.with_columns(
    history_end=pl.Series(starts, dtype=pl.Int64),
    begin=pl.Series(begin, dtype=pl.Int64),
  )
  some = (pl.col("history_end") > pl.col("begin")) | pl.col(
    "query"
  ).is_not_null()
  pages = pages.filter(pl.col("answered") & some)
  pages = pages.sort("page_time", "user", "page")
  numbered = pages.select("page").with_row_index("request")
  price = pl.Series(prices[new["item"].to_numpy()].astype(np.float64))
  paid = pl.when(pl.col("kind") == ORDERED).then(
    pl.coalesce("amount", pl.lit(price))
  )
  lines = (
    new.with_columns(paid=paid)
    .join(numbered, on="page", maintain_order="left")
    .group_by("request", "item", maintain_order=True)
    .agg(kind=pl.col("kind").max(), value=pl.col("paid").sum())
    .sort("request", maintain_order=True)
  )
  rows = {query: row for row, query in enumerate(old.queries.tolist())}
  for query in pages["query"].drop_nulls().to_list():
    rows.setdefault(query, len(rows))
  found = [-1 if q is None else rows[q] for q in pages["query"].to_list()]
  pages = pages.with_columns(query_row=pl.Series(found, dtype=pl.Int32))
  return pages, lines, object_array(list(rows))


def _held_out(
  pages: pl.DataFrame, shared_clock: bool, *, share: float, seed: int
) -> np.ndarray:
  """`[n]` bool of the new requests, sorted by time."""
  if not len(pages) or not share:
    return np.zeros(len(pages), bool)
  time, user = pages["page_time"].to_numpy(), pages["user"].to_numpy()
  if shared_clock:
    cut = np.quantile(time, 1 - share, method="higher")
    return time >= cut if time[0] < cut else np.zeros(len(pages), bool)
  last = np.zeros(len(pages), bool)
  _, places = np.unique(user[::-1], return_index=True)
  rng = np.random.default_rng(seed)
  wanted = min(round(share * len(pages)), len(places))
  last[len(pages) - 1 - rng.permutation(places)[:wanted]] = True
  return last


def _ends(
  requests: Requests, held_out: np.ndarray, update: np.ndarray
) -> np.ndarray:
  """`[U, updates + 1]`, the time from which events of an update are held out.

  On one clock it is the same for all users.
  """
  users, updates = len(requests.user_ids), int(update.max(initial=0)) + 1
  rows = np.flatnonzero(held_out)
  if requests.shared_clock:
    first = np.full(updates, NEVER)
    np.minimum.at(first, update[rows], requests.time[rows])
    return np.broadcast_to(first, (users, updates))
  ends = np.full((users, updates), NEVER)
  np.minimum.at(ends, (requests.user[rows], update[rows]), requests.time[rows])
  return ends


def _joined(old: np.ndarray, new) -> np.ndarray:
  return np.append(old, np.asarray(new)).astype(old.dtype)
