"""What the counts of a log lose for a training row: its own user's future.

A search reads counts of a log in which the user's events end where the history
ends, and everybody else's are all there. A training row is part of the log that
was counted, so for a row of user `u` whose history ends before event `e`

  events e, e + 1, ... of u, and all pairs of which one is among these

are left out: popularity, shares and transitions are then those of counting anew
a log in which `u` stops there. This takes the row's targets out, their repeats,
and what comes after. Where a row hides its history the past is still counted,
as it is in a search that is not given it `[OURS]`.
"""

from typing import Any

import numpy as np
from flax import struct

from gr_jax.data.request_lists import training_event_ends
from gr_jax.data.requests import Requests
from gr_jax.data.sequence_pairs import BACKWARD
from gr_jax.data.training_period import request_mask


@struct.dataclass
class LeftOut:
  """What each of `B` rows leaves out; rows of the table of IDs, -1 = none.

  Attributes:
    events: `[B, F]`, the IDs of the events.
    pairs: `[B, E, 2]`, from an ID of the history to any; pairs from other IDs
      are left out as well, but no prompt reads those. None without transitions.
    weights: `[B, E]` of the pairs, as in `following_pairs`.
  """

  events: np.ndarray
  pairs: np.ndarray | None = None
  weights: np.ndarray | None = None


def without_future(counts: Any, left_out: LeftOut | None) -> Any:
  """The counts of a log that ends, for each row's user, with its history.

  Args:
    counts: `{"counts": ...}` of the whole log, or `{}`; what else is there
      stays.
    left_out: what each of `B` rows leaves out; None leaves the counts as they
      are.
  """
  if left_out is None:
    return counts
  found = counts["counts"]
  cut = {name: x.without(left_out) for name, x in found.items()}
  return {**counts, "counts": cut}


class FutureEvents:
  """The events of users after histories, as far as they were counted.

  Args:
    requests: the users and their events.
    id_of_item: `[N]`, the row of each item in the table of IDs.
    ends: `[U]`, the event before which counting a user stopped.
    window: the number of positions that pairs are apart, at most; 0 without
      transitions.
  """

  def __init__(
    self,
    requests: Requests,
    id_of_item: np.ndarray,
    ends: np.ndarray,
    *,
    window: int = 0,
  ):
    self._requests, self._ends = requests, ends
    self._window = window
    self._ids = id_of_item[requests.event_item].astype(np.int32)
    starts = requests.user_offsets[:-1]
    self._num_events = max(int((ends - starts).max(initial=0)), 1)
    if window:
      self._first = _first_events(requests, self._ids)
      self._num_pairs = self._most_pairs()

  @classmethod
  def of_training(
    cls, requests: Requests, id_of_item: np.ndarray, *, window: int = 0
  ) -> "FutureEvents":
    """Those of counts of the training period."""
    ends = training_event_ends(requests)
    return cls(requests, id_of_item, ends, window=window)

  def __call__(self, rows: np.ndarray) -> LeftOut:
    """What requests `[B]` leave out."""
    requests = self._requests
    user = requests.user[rows]
    starts = requests.user_offsets[user][:, None]
    begin = requests.history_end[rows][:, None]
    events = begin + np.arange(self._num_events)
    there = events < self._ends[user][:, None]
    events = np.where(there, events, 0)
    ids = np.where(there, self._ids[events], -1)
    if not self._window:
      return LeftOut(ids)
    return LeftOut(ids, *self._pairs(events, there, begin, starts))

  def _pairs(self, events, there, begin, starts):
    """The pairs from the history, packed to the left, and their weights."""
    shape = len(events), self._num_pairs
    pairs = np.full((*shape, 2), -1, np.int32)
    weights = np.zeros(shape, np.float32)
    used = np.zeros(len(events), np.int64)
    for gap in range(1, self._window + 1):
      before = np.maximum(events - gap, 0)
      both = there & (events - gap >= starts)
      for one, other, weight in (
        (before, events, 1 / gap),
        (events, before, BACKWARD / gap),
      ):
        row, column = np.nonzero(both & (self._first[one] < begin))
        count = np.bincount(row, minlength=len(events))
        place = used[row] + np.arange(len(row))
        place -= (np.cumsum(count) - count)[row]
        pairs[row, place, 0] = self._ids[one[row, column]]
        pairs[row, place, 1] = self._ids[other[row, column]]
        weights[row, place] = weight
        used += count
    return pairs, weights

  def _most_pairs(self) -> int:
    """The largest number of pairs that a training row leaves out.

    A pair of events `p < q` is left out, and read from the ID of one of them,
    by histories that end after the first event of that ID and not after `q`.
    """
    requests = self._requests
    users = requests.event_user
    later = np.flatnonzero(np.arange(len(users)) < self._ends[users])
    change = np.zeros(len(users) + 2, np.int64)
    for gap in range(1, self._window + 1):
      new = later[later - gap >= requests.user_offsets[users[later]]]
      for one in (new - gap, new):
        inside = self._first[one] < new
        np.add.at(change, self._first[one][inside] + 1, 1)
        np.add.at(change, new[inside] + 1, -1)
    ends = requests.history_end[request_mask(requests)]
    return max(int(np.cumsum(change)[ends].max(initial=0)), 1)


def _first_events(requests: Requests, ids: np.ndarray) -> np.ndarray:
  """`[E]`, the user's first event of the same ID as each event."""
  user = requests.event_user
  order = np.lexsort((np.arange(len(ids)), ids, user))
  new = np.ones(len(ids), bool)
  new[1:] = (np.diff(user[order]) != 0) | (np.diff(ids[order]) != 0)
  first = np.empty(len(ids), np.int64)
  first[order] = order[new][np.cumsum(new) - 1]
  return first
