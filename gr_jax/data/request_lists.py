"""The lists that metrics and baselines need, read from `Requests`."""

import numpy as np

from gr_jax.data import row_lists, training_period
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
  """Each user's events of the training period, oldest first.

  See `training_period`: with `before=TEST` validation is learned as well.
  """
  trained = training_period.event_mask(requests, before=before)
  events = RowLists(requests.user_offsets, requests.event_item)
  return row_lists.where(events, trained)


def training_log(requests: Requests) -> tuple[RowLists, np.ndarray]:
  """The `training_sequences`, and the times `[P]` of their events."""
  sequences = training_sequences(requests)
  # The events of a user are sorted, so those of training come first.
  starts = requests.user_offsets[:-1]
  times = row_lists.from_spans(
    requests.event_time, starts, starts + sequences.sizes
  )
  return sequences, times.rows


def sample(
  rows: np.ndarray, *, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Draws `count` rows without replacement, in a random order.

  Args:
    rows: The rows `[R]` that there are.
    count: The number of rows, at most; 0 = all of them.
    rng: The source of the order.

  Raises:
    ValueError: a negative count.
  """
  if count < 0:
    raise ValueError(
      f"{count} requests were asked for; give their number, or 0 for all."
    )
  return rng.permutation(rows)[: count or None]


def training_event_ends(
  requests: Requests, *, before: int = VALID
) -> np.ndarray:
  """`[U]`, the event before which the training period of each user ends."""
  sequences = training_sequences(requests, before=before)
  return requests.user_offsets[:-1] + sequences.sizes


def _pages(requests: Requests, rows: np.ndarray) -> RowLists:
  """The places of the entries of each request's page."""
  starts, ends = requests.page_offsets[:-1], requests.page_offsets[1:]
  return row_lists.span_places(starts[rows], ends[rows])
