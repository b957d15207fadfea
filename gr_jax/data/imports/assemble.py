"""Two tables of text become a catalogue, requests, and an account of both."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.imports.build_catalogue import (
  build_catalogue,
  typical_values,
)
from gr_jax.data.imports.build_requests import build_requests
from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.checks import (
  UNKNOWN_ITEM,
  check_events,
  check_items,
  drop_empty_users,
)
from gr_jax.data.imports.ordered_events import user_blocks
from gr_jax.data.imports.summary import (
  ImportSummary,
  count_rejects,
  event_notes,
  summarize,
)
from gr_jax.data.requests import TRAIN, Requests
from gr_jax.data.splits import split_by_time, split_by_user
from gr_jax.data.training_period import event_counts


class NothingLeft(ValueError):
  """The checks left too little.

  Attributes:
    rejects: The rows that were left out, as in `Assembled`.
  """

  def __init__(self, message: str, *tables: CheckedTable):
    *others, last = tables
    reasons = [_why(table) for table in others if table.rejects.height]
    super().__init__(" ".join([message, *reasons, _why(last)]))
    self.rejects = pl.concat([table.rejects for table in tables])


@dataclasses.dataclass(frozen=True)
class Assembled:
  """The data that an import will write.

  Attributes:
    rejects: The rows that were left out, with the columns of
      `checked_table.SCHEMA`.
    split: The kind of split: "column" where the events have one, else "time",
      or "user" where times are unknown.
  """

  catalogue: Catalogue
  requests: Requests
  rejects: pl.DataFrame
  summary: ImportSummary
  split: str


def assemble(
  items: CheckedTable,
  events: CheckedTable,
  *,
  event_types: Mapping[str, str],
  splits: Mapping[str, str] | None = None,
  time_format: str = "",
  category_separator: str = "",
  valid_share: float,
  test_share: float,
  now: int,
  progress: Callable[[str], None],
) -> Assembled:
  """Checks both tables and builds what they hold; see `import_tables`.

  Raises:
    NothingLeft: no item, no event, fewer than two users, no request, or no
      request to train on is left.
  """
  items = check_items(items, category_separator=category_separator)
  progress(f"{items.frame.height:,} of {items.rows_read:,} items are usable")
  if not items.frame.height:
    raise NothingLeft("No item is left.", items)
  # Of a long log each copy counts: what was read is freed when it is checked.
  held = [events]
  del events
  events = _check_events(
    items,
    held,
    functools.partial(
      check_events,
      event_types=event_types,
      splits=splits,
      time_format=time_format,
      now=now,
    ),
    progress,
  )
  catalogue = build_catalogue(items.frame)
  timed = "seconds" in events.frame.columns
  kind = "time" if timed else "user"
  if "part" in events.frame.columns:
    kind = "column"
  account = event_notes(events.frame)
  kept, blocks = events.frame.height, user_blocks(events.frame)
  events = dataclasses.replace(events, frame=events.frame.clear())
  built = build_requests(
    blocks,
    values=functools.partial(typical_values, items.frame),
    split={
      "column": None,
      "time": lambda user, time: split_by_time(
        time, valid_share=valid_share, test_share=test_share
      ),
      "user": lambda user, time: split_by_user(user),
    }[kind],
    shared_clock=timed,
  )
  requests = built.requests
  progress(f"{len(requests):,} requests are built")
  _check_requests(requests, kind, items, events)
  catalogue = dataclasses.replace(
    catalogue,
    values=built.values,
    popularity=event_counts(requests, num_items=len(catalogue)),
  )
  rejects = pl.concat([items.rejects, events.rejects])
  return Assembled(
    catalogue=catalogue,
    requests=requests,
    rejects=rejects,
    summary=summarize(items, events, kept, account, rejects, built),
    split=kind,
  )


def _check_events(
  items: CheckedTable,
  held: list[CheckedTable],
  check: Callable[..., CheckedTable],
  progress: Callable[[str], None],
) -> CheckedTable:
  """Checks the events, which it takes out of a list."""
  everyone = held[0].frame.select("user_id", "row")
  named = held[0].frame["item_id"].first()
  item_ids = items.frame["item_id"]
  events = check(held.pop(), item_ids=item_ids)
  events = drop_empty_users(events, everyone)
  progress(f"{events.frame.height:,} of {events.rows_read:,} events are usable")
  users = events.frame["user_id"].n_unique()
  if users >= 2:
    return events
  message = (
    f"{users} user is left, 2 are needed." if users else ("No event is left.")
  )
  strange = (events.rejects["reason"] == UNKNOWN_ITEM).sum() * 2
  if strange > events.rows_read and not any(
    "unknown item ids" in note for note in events.notes
  ):
    message += (
      f" Events name items like {named!r}, the catalogue "
      f"has items like {item_ids[0]!r}."
    )
  raise NothingLeft(message, items, events)


def _why(table: CheckedTable) -> str:
  reasons = "; ".join(
    f"{n:,} x {reason} (first in row {rows[0]})"
    for _, reason, n, rows in count_rejects(table.rejects)
  )
  counts = (
    f"{table.file} has {table.rows_read:,} rows; {reasons or 'none is bad'}."
  )
  return " ".join([counts, *table.notes])


def _check_requests(
  requests: Requests, split: str, items: CheckedTable, events: CheckedTable
) -> None:
  if not len(requests):
    raise NothingLeft(
      "No request is left: without a query, a user needs a click or order "
      "after an earlier one.",
      items,
      events,
    )
  if (requests.split == TRAIN).any():
    return
  reason = (
    f"{len(requests):,} requests have {len(np.unique(requests.time))} distinct "
    "times, and those of one time stay together. Give finer times, lower "
    "--valid_share and --test_share, or leave the time column out."
  )
  if split == "column":
    reason = (
      f"of the {len(requests):,} requests that have a query or an earlier "
      "event of their user, the split column calls none training."
    )
  raise NothingLeft(f"No request is left to train on: {reason}", items, events)
