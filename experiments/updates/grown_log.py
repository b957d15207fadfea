"""The log of a run, and behind it what updates brought.

A version keeps its own new events alone; the whole log is put together again
from the run's and those of the chain (`log_growth`). Every request and event
knows which update brought it, which says what is learned, when and for the
first time, and what is counted.
"""

import dataclasses

import numpy as np

from experiments.updates.held_out import held_out_from
from gr_jax.data.requests import TRAIN, Requests
from gr_jax.data.training_period import event_mask

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
    ends = held_out_from(
      self.requests, self.held_out, self.request_update, updates=self.updates
    )
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
