"""Events become pages; those with a click or an order become requests."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.imports.ordered_events import (
  UserBlocks,
  numbered_pages,
  sorted_events,
)
from gr_jax.data.imports.published_split import late_events, refuse_late
from gr_jax.data.imports.words import map_words
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

_TARGET = pl.col("kind") > EXPOSED
_PAST = ("user", "item", "time", "part")
_LINE = ("user", "item", "kind", "amount", "time", "page")


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
  events: UserBlocks,
  *,
  values: Callable[[pl.DataFrame], np.ndarray],
  split: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
  shared_clock: bool,
) -> Built:
  """Builds the requests of checked events, every user with a target.

  A page with a click or an order is a request. Its history is what the user
  clicked or ordered strictly before it. A page with neither a history nor a
  query is no request but only a past for later pages. An item is once on a
  page, at its strongest kind; its value is what its orders cost, the typical
  value where an order has none of its own, 0 if it was not ordered.

  A page that reaches into a period that its request is not of ends with its own
  period: a session that begins in training leads to what was clicked before
  the first held-out request, and is left out where that is nothing ([OURS]).

  Args:
    events: The events, see `ordered_events`; their blocks are used up.
    values: Maps the events of the training period to the typical value `[N]`
      of every item.
    split: Maps users `[R]` and times `[R]`, sorted by time, to splits `[R]`
      int8; None where the events have theirs (`part`).
    shared_clock: False where times are positions.

  Raises:
    ValueError: an event comes after one of a later split of its user.
  """
  users, blocks, found = events.users, events.blocks, []
  while blocks:
    found.append(_block_pages(blocks.pop(0), *_counts(found)))
  refuse_late(pl.concat(block.late for block in found))
  past = pl.concat(block.past for block in found)
  offsets = offsets_of(np.bincount(past["user"], minlength=len(users)))
  chosen = pl.concat(block.pages for block in found)
  unused = sum(block.unused for block in found)
  first = sum(block.first for block in found)
  held_out_first = sum(block.held_out for block in found)
  blocks = [block.events for block in found]
  del found
  chosen = chosen.sort("page_time", "user", "page")
  user, time = chosen["user"].to_numpy(), chosen["page_time"].to_numpy()
  parts = split(user, time) if split else chosen["part"].to_numpy()
  held_out = past.filter(pl.col("part") > TRAIN)
  ends = [
    ends_of(
      np.append(user, held_out["user"]),
      np.append(time, held_out["time"]),
      np.append(parts, held_out["part"]),
      num_users=len(users),
      shared_clock=shared_clock and split is not None,
      before=before,
    )
    for before in (VALID, TEST)
  ]
  prices = values(
    pl.concat(
      block.filter(_before(ends[TRAIN], block["user"])).select("item", "amount")
      for block in blocks
    )
  )
  closing = np.select([parts == TRAIN, parts == VALID], [e[user] for e in ends],
                      NEVER)  # fmt: skip
  chosen = chosen.with_columns(split=parts, closing=closing)
  # Of a long log each copy counts.
  del user, time, parts, closing, held_out
  chosen, lines = _page_lines(blocks, chosen, prices)
  queries = chosen["query"].drop_nulls().unique().cast(pl.String).sort()
  known = pl.Enum(queries)
  query = map_words(
    chosen["query"], lambda q: q.cast(known).to_physical().cast(pl.Int32)
  )
  rows = chosen.drop("query", "closing", "page").to_dict()
  entries, history = lines.to_dict(), past.to_dict()
  del chosen, lines, past
  requests = Requests(
    user_ids=object_array(users.to_list()),
    profiles=object_array([()] * len(users)),
    user_offsets=offsets,
    event_item=history.pop("item").to_numpy(writable=True),
    event_time=history.pop("time").to_numpy(writable=True),
    user=np.array(rows.pop("user"), np.int32),
    time=np.array(rows.pop("page_time"), np.int64),
    history_end=rows.pop("history_end").to_numpy(writable=True),
    query=query.fill_null(-1).to_numpy(writable=True),
    split=rows.pop("split").to_numpy(writable=True),
    page_offsets=offsets_of(np.bincount(entries.pop("request").to_numpy())),
    page_item=entries.pop("item").to_numpy(writable=True),
    page_kind=entries.pop("kind").to_numpy(writable=True),
    page_value=entries.pop("value").to_numpy(writable=True),
    queries=object_array(queries.to_list()),
    shared_clock=shared_clock,
    event_split=None if split else history.pop("part").to_numpy(writable=True),
  )
  return Built(
    requests=requests,
    values=prices,
    unused_exposures=unused,
    first_pages=first,
    held_out_first=held_out_first,
  )


class _BlockPages(NamedTuple):
  """What is known of the pages of a block of users before the split.

  Attributes:
    events: The events, with the columns `_LINE`.
    num_pages: The number of pages, and of those in the blocks before.
    num_targets: The number of clicks and orders, likewise.
    past: The clicks and orders, with the columns `_PAST`.
    late: Those that `refuse_late` refuses.
    pages: The pages that become requests: page, user, page_time, query, part,
      history_end.
    unused, first, held_out: See `Built`.
  """

  events: pl.DataFrame
  num_pages: int
  num_targets: int
  past: pl.DataFrame
  late: pl.DataFrame
  pages: pl.DataFrame
  unused: int
  first: int
  held_out: int


def _counts(found: list[_BlockPages]) -> tuple[int, int]:
  return (found[-1].num_pages, found[-1].num_targets) if found else (0, 0)


def _block_pages(
  events: pl.DataFrame, pages_before: int, targets_before: int
) -> _BlockPages:
  events = sorted_events(events)
  late = late_events(events)
  events = numbered_pages(events).rename({"user_id": "user"})
  # Targets above this row, then above the first row of the same time.
  before = _TARGET.cast(pl.Int64).cum_sum() - _TARGET.cast(pl.Int64)
  events = events.with_columns(
    page=pl.col("page") + pages_before, before=before + targets_before
  ).with_columns(
    before=pl.col("before").min().over("user", "time"),
    begin=pl.col("before").min().over("user"),
  )
  pages = events.group_by("page", maintain_order=True).agg(
    pl.col("user", "page_time", "query", "part", "begin").first(),
    answered=_TARGET.any(),
    exposed=(~_TARGET).sum(),
    history_end=pl.col("before").min(),
  )
  has_past = pl.col("history_end") > pl.col("begin")
  answered = pages.filter(pl.col("answered"))
  first = answered.filter(~has_past & pl.col("query").is_null())
  past = events.filter(_TARGET)
  return _BlockPages(
    events=events.select(_LINE),
    num_pages=pages_before + pages.height,
    num_targets=targets_before + past.height,
    past=past.select(_PAST),
    late=late,
    pages=answered.filter(has_past | pl.col("query").is_not_null()).drop(
      "begin", "answered", "exposed"
    ),
    unused=int(pages.filter(~pl.col("answered"))["exposed"].sum()),
    first=first.height,
    held_out=int((first["part"] > TRAIN).sum()),
  )


def _before(ends: np.ndarray, user: pl.Series) -> pl.Expr:
  """True for events before the end `[U]` of their user."""
  return pl.col("time") < pl.Series(ends[user.to_numpy()])


def _page_lines(
  blocks: list[pl.DataFrame], chosen: pl.DataFrame, prices: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
  """Returns the pages that lead to something before they close, and the lines.

  Lines have columns request, item, kind, value: an item once on a page. Takes
  the blocks out.
  """
  price = pl.lit(pl.Series(prices)).gather(pl.col("item"))
  paid = pl.when(pl.col("kind") == ORDERED).then(
    pl.coalesce("amount", price.cast(pl.Float64))
  )
  closing = chosen.select("page", "closing", "page_time").sort("page")
  found = []
  while blocks:
    events = blocks.pop(0)
    near = pl.col("page").is_between(events["page"].min(), events["page"].max())
    found.append(
      events.join(closing.filter(near), on="page", maintain_order="left")
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
  lines = pl.concat(found)
  del found
  led = lines.filter(pl.col("kind") > EXPOSED)["page"].unique()
  chosen = chosen.filter(pl.col("page").is_in(led.implode()))
  request = np.full(int(lines["page"].max() or 0) + 1, -1, np.int32)
  request[chosen["page"].to_numpy()] = np.arange(chosen.height, dtype=np.int32)
  lines = lines.select(
    pl.lit(pl.Series(request)).gather(pl.col("page")).alias("request"),
    "item", "kind", "value",
  )  # fmt: skip
  lines = lines.filter(pl.col("request") >= 0)
  return chosen, lines.sort("request", maintain_order=True)
