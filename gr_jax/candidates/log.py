"""A log whose requests get candidates.

Sources are fitted on a training log, and answer requests of any log: the
same one in training, a small one of what a client sends in a search.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.candidates.event_states import EventStates, event_states
from gr_jax.data.requests import Requests
from gr_jax.text.encoder import unit_rows


@dataclasses.dataclass(frozen=True, eq=False)
class Log:
  """Requests, with what sources must know to answer them.

  Attributes:
    requests: users, events, queries and requests.
    counted: `[U]`, the event before which counting each user stopped: the
      counts of the sources hold the events of a user before it.
    trained_query: `[Q]`, the row of each query among those of the training log,
      -1 for one that training never saw.
    query_vectors: `[Q, D]`, of nothing that training counted.
    unseen: `[R]` bool, requests that see their query as one that training never
      saw; None = no such request.
    live: True for requests of now: their time is 0, whatever the unit, and what
      was counted lies before all of them.
    kept: what sources found out about this log.
  """

  requests: Requests
  counted: np.ndarray
  trained_query: np.ndarray
  query_vectors: np.ndarray
  unseen: np.ndarray | None = None
  live: bool = False
  kept: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)

  @functools.cached_property
  def unit_query_vectors(self) -> np.ndarray:
    """`[Q, D]` float32 of length 1."""
    return unit_rows(self.query_vectors)

  def states(
    self, name: str, label_of_item: np.ndarray, taus: Sequence[float] = ()
  ) -> EventStates:
    """`event_states` by the label `[N]` of each item, computed once a name."""
    if name not in self.kept:
      labels = label_of_item[self.requests.event_item]
      self.kept[name] = event_states(self.requests, labels, taus=taus)
    return self.kept[name]

  def visits(self) -> np.ndarray:
    """`[E]`, the number of a user's distinct times before that of an event."""
    if "visits" not in self.kept:
      self.kept["visits"] = _visits(self.requests)
    return self.kept["visits"]


def new_visits(log: Requests) -> np.ndarray:
  """`[E]` bool, the first event of each distinct time of a user."""
  new = np.ones(len(log.event_item), bool)
  new[1:] = np.diff(log.event_time) != 0
  starts = log.user_offsets[:-1]
  new[starts[starts < len(new)]] = True
  return new


def _visits(log: Requests) -> np.ndarray:
  total = np.cumsum(new_visits(log))
  return total - total[log.user_offsets[log.event_user]]
