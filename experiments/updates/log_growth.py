"""A log and the events of one more update, as one log.

New events stand behind the known ones of their user, so histories of known
requests are what they were, and nothing that was learned or held out changes
its side.
"""

import dataclasses

import numpy as np
import polars as pl

from experiments.updates.grown_log import RUN, GrownLog
from experiments.updates.held_out import held_out_from, newest_requests
from experiments.updates.new_pages import new_pages
from gr_jax.data.catalogue import object_array
from gr_jax.data.imports.ordered_events import ordered_events
from gr_jax.data.requests import EXPOSED, TRAIN, VALID, Requests
from gr_jax.data.row_lists import offsets_of


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
  pages, lines, queries = new_pages(
    new, merged.offsets, merged.time, old.queries, prices
  )
  update = log.updates + 1
  held_out = newest_requests(
    pages, shared_clock=old.shared_clock, share=held_out_share, seed=seed
  )
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
    # Of new lines the kind is that of their page; histories do not say it.
    event_action=None,
  )
  number = np.append(log.request_update, np.full(len(pages), update))
  event_update = np.append(log.event_update, np.full(merged.added, update))
  held_out = np.append(log.held_out, held_out)
  event_update = event_update[order]
  ends = held_out_from(
    requests, held_out & (number == update), number, updates=update
  )
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
  first = np.zeros(
    max(len(old.user_ids), int(new["user"].to_numpy().max()) + 1), np.int64
  )
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


def _joined(old: np.ndarray, new) -> np.ndarray:
  return np.append(old, np.asarray(new)).astype(old.dtype)
