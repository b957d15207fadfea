"""The lists that metrics and baselines need, read from `Requests`."""

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.requests import EXPOSED, VALID, Requests
from gr_jax.data.row_lists import RowLists


def histories(requests: Requests, rows: np.ndarray) -> RowLists:
  """The items that each request's user had bought before it, newest last."""
  starts = requests.user_offsets[requests.user[rows]]
  return row_lists.from_spans(
    requests.event_item, starts, requests.history_end[rows]
  )


def targets(requests: Requests, rows: np.ndarray) -> RowLists:
  """The distinct clicked or ordered rows of each request, in page order."""
  pages = _pages(requests, rows)
  wanted = requests.page_kind[pages.rows] > EXPOSED
  chosen = row_lists.where(pages, wanted)
  return row_lists.distinct(
    RowLists(chosen.offsets, requests.page_item[chosen.rows])
  )


def judged(
  requests: Requests, rows: np.ndarray, grades: np.ndarray
) -> tuple[RowLists, np.ndarray]:
  """The whole page of each request, and the grades of its entries.

  Args:
    requests: The table of requests.
    rows: The rows of the requests.
    grades: The grades `[P]` of all pages' entries.
  """
  pages = _pages(requests, rows)
  items = RowLists(pages.offsets, requests.page_item[pages.rows])
  return items, grades[pages.rows]


def training_sequences(requests: Requests, *, before: int = VALID) -> RowLists:
  """Each user's events in the splits that come before `before`, oldest first.

  A user's events end where the history of the first request of a later split
  ends. A user without such a request may still have later events, so theirs
  end with the last request of the allowed splits, by time.
  """
  allowed = requests.split < before
  last_time = requests.time[allowed].max(initial=np.iinfo(np.int64).min)
  owners = RowLists(requests.user_offsets, requests.event_time).owners
  timely = np.bincount(
    owners[requests.event_time <= last_time], minlength=len(requests.user_ids)
  )
  starts = requests.user_offsets[:-1]
  ends = np.full(len(starts), np.iinfo(np.int64).max)
  later = ~allowed
  np.minimum.at(ends, requests.user[later], requests.history_end[later])
  ends = np.where(ends == np.iinfo(np.int64).max, starts + timely, ends)
  return row_lists.from_spans(requests.event_item, starts, ends)


def _pages(requests: Requests, rows: np.ndarray) -> RowLists:
  """The places of the entries of each request's page."""
  starts, ends = requests.page_offsets[:-1], requests.page_offsets[1:]
  places = np.arange(len(requests.page_item))
  return row_lists.from_spans(places, starts[rows], ends[rows])
