"""Events become pages; those with a click or an order become requests."""

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.imports.published_split import check_order
from gr_jax.data.requests import (
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  VALID,
  Requests,
)
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.training_period import NEVER, ends_of

_COLUMNS = {
  "query": pl.String,
  "session": pl.String,
  "amount": pl.Float64,
  "part": pl.Int8,
}


@dataclasses.dataclass(frozen=True)
class Built:
  """Requests, and the pages that did not become any.

  Attributes:
    requests: The requests, sorted by time, then user.
    values: The typical value `[N]` float32 of every item, from training.
    unused_exposures: The number of exposures on pages without a click or an
      order.
    first_pages: The number of pages that are only a past: a user's first,
      without a query.
    held_out_first: The number of those that a published split holds out.
  """

  requests: Requests
  values: np.ndarray
  unused_exposures: int
  first_pages: int
  held_out_first: int = 0


def build_requests(
  events: pl.DataFrame,
  *,
  values: Callable[[pl.DataFrame], np.ndarray],
  split: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
  shared_clock: bool,
) -> Built:
  """Builds the requests of `ordered_events`, every user with a target.

  A page with a click or an order is a request. Its history is what the user
  clicked or ordered strictly before it. A page with neither a history nor a
  query is no request but only a past for later pages. An item is once on a
  page, at its strongest kind; its value is what its orders cost, the typical
  value where an order has none of its own, 0 if it was not ordered.

  A page that reaches into a period that its request is not of ends with its own
  period: a session that begins in training leads to what was clicked before
  the first held-out request, and is left out where that is nothing ([OURS]).

  Args:
    events: The events, with the columns of `ordered_events`.
    values: Maps the events of the training period to the typical value `[N]`
      of every item.
    split: Maps users `[R]` and times `[R]`, sorted by time, to splits `[R]`
      int8; None where the events have theirs (`part`).
    shared_clock: False where times are positions.
  """
  target = pl.col("kind") > EXPOSED
  events = events.with_columns(
    user=pl.col("user_id").rle_id().cast(pl.Int32),
    # Targets above this row, then above the first row of the same time.
    before=target.cast(pl.Int64).cum_sum() - target.cast(pl.Int64),
  ).with_columns(before=pl.col("before").min().over("user", "time"))
  users = events.group_by("user", maintain_order=True).agg(
    pl.col("user_id").first(), n=target.sum()
  )
  offsets = offsets_of(users["n"].to_numpy())
  past = events.filter(target)
  pages = events.group_by("page", maintain_order=True).agg(
    pl.col("user", "page_time", "query", "part").first(),
    answered=target.any(),
    exposed=(~target).sum(),
    history_end=pl.col("before").min(),
  )
  begin = pl.lit(pl.Series(offsets[:-1])).gather(pl.col("user"))
  is_request = (pl.col("history_end") > begin) | pl.col("query").is_not_null()
  answered = pages.filter(pl.col("answered"))
  chosen = answered.filter(is_request).sort("page_time", "user", "page")
  first_pages = answered.filter(~is_request)
  user, time = chosen["user"].to_numpy(), chosen["page_time"].to_numpy()
  parts = split(user, time) if split else chosen["part"].to_numpy()
  held_out = past.filter(pl.col("part") > TRAIN)
  ends = [
    ends_of(
      np.append(user, held_out["user"]),
      np.append(time, held_out["time"]),
      np.append(parts, held_out["part"]),
      num_users=users.height,
      shared_clock=shared_clock and split is not None,
      before=before,
    )
    for before in (VALID, TEST)
  ]
  training = events.filter(_before(ends[TRAIN], events["user"]))
  prices = values(training)
  closing = np.select([parts == TRAIN, parts == VALID], [e[user] for e in ends],
                      NEVER)  # fmt: skip
  chosen, lines = _page_lines(
    events, chosen.with_columns(split=parts, closing=closing), prices
  )
  queries = chosen["query"].drop_nulls().unique().sort()
  query = chosen["query"].cast(pl.Enum(queries)).to_physical().cast(pl.Int32)
  requests = Requests(
    user_ids=object_array(users["user_id"].to_list()),
    profiles=object_array([()] * users.height),
    user_offsets=offsets,
    event_item=past["item"].to_numpy(writable=True),
    event_time=past["time"].to_numpy(writable=True),
    user=np.array(chosen["user"], np.int32),
    time=np.array(chosen["page_time"], np.int64),
    history_end=chosen["history_end"].to_numpy(writable=True),
    query=query.fill_null(-1).to_numpy(writable=True),
    split=chosen["split"].to_numpy(writable=True),
    page_offsets=offsets_of(np.bincount(lines["request"].to_numpy())),
    page_item=lines["item"].to_numpy(writable=True),
    page_kind=lines["kind"].to_numpy(writable=True),
    page_value=lines["value"].to_numpy(writable=True),
    queries=object_array(queries.to_list()),
    shared_clock=shared_clock,
    event_split=None if split else past["part"].to_numpy(writable=True),
  )
  return Built(
    requests=requests,
    values=prices,
    unused_exposures=int(pages.filter(~pl.col("answered"))["exposed"].sum()),
    first_pages=first_pages.height,
    held_out_first=int((first_pages["part"] > TRAIN).sum()),
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
  events = events.with_columns(
    pl.lit(None, dtype).alias(name)
    for name, dtype in _COLUMNS.items()
    if name not in events.columns
  ).with_columns(pl.col("part").fill_null(TRAIN))
  keys = ("user_id", "seconds", "nanoseconds", "place", "part", "row")
  # Rows of a list, as a page of impressions, keep the order of the list.
  events = events.sort(
    [name for name in keys if name in events.columns], maintain_order=True
  )
  check_order(events)
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


def _before(ends: np.ndarray, user: pl.Series) -> pl.Expr:
  """True for events before the end `[U]` of their user."""
  return pl.col("time") < pl.Series(ends[user.to_numpy()])


def _page_lines(
  events: pl.DataFrame, chosen: pl.DataFrame, prices: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
  """Returns the pages that lead to something before they close, and the lines.

  Lines have columns request, item, kind, value: an item once on a page.
  """
  price = pl.lit(pl.Series(prices)).gather(pl.col("item"))
  paid = pl.when(pl.col("kind") == ORDERED).then(
    pl.coalesce("amount", price.cast(pl.Float64))
  )
  lines = (
    events.join(
      chosen.select("page", "closing"), on="page", maintain_order="left"
    )
    # What a page began with is its own, also where the split cuts a moment.
    .filter(
      (pl.col("time") < pl.col("closing"))
      | (pl.col("time") == pl.col("page_time"))
    )
    .with_columns(paid=paid)
    .group_by("page", "item", maintain_order=True)
    .agg(kind=pl.col("kind").max(), value=pl.col("paid").sum())
    .with_columns(pl.col("value").cast(pl.Float32))
  )
  led = lines.filter(pl.col("kind") > EXPOSED).select("page").unique()
  chosen = chosen.join(led, on="page", how="semi", maintain_order="left")
  numbered = chosen.select("page").with_row_index("request")
  lines = lines.join(numbered, on="page", maintain_order="left")
  return chosen, lines.sort("request", maintain_order=True)
