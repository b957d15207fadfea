"""What each event of a log knows of the earlier ones of the same kind.

For an event of user u with label l (its item, or its category) at time t, over
the events of u with label l up to and with this one,

  number   how many there are
  first    the time of the first
  decayed  per tau: the sum of exp(-(t - t_i) / tau)

so that, for a history that ends anywhere, the last event of a label says all
that the history knows of it: `decayed` at a later time t' is what it is here,
times exp(-(t' - t) / tau).
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from gr_jax.candidates.ordering import (
  places_in_runs,
  run_sizes,
  stable_sort,
  starts_of,
)
from gr_jax.data.requests import Requests


@dataclasses.dataclass(frozen=True, eq=False)
class EventStates:
  """States of `E` events.

  Attributes:
    labels: `[E]` int64.
    following: `[E]` int64, the user's next event of the same label, `E` where
      there is none: an event is the last of its label in a history that ends at
      `e` exactly where it comes before `e` and its next one does not.
    number: `[E]` int64.
    first: `[E]` int64, a time.
    decayed: `[E, T]` float32.
  """

  labels: np.ndarray
  following: np.ndarray
  number: np.ndarray
  first: np.ndarray
  decayed: np.ndarray


def event_states(
  requests: Requests, labels: np.ndarray, *, taus: Sequence[float] = ()
) -> EventStates:
  """The states of all events.

  Args:
    requests: the users and their events.
    labels: `[E]` int, what makes events of one user the same.
    taus: times after which an event counts 1/e of a new one.
  """
  total, time = len(requests.event_item), requests.event_time
  labels_from_0 = labels - labels.min(initial=0)
  span = np.int64(labels_from_0.max(initial=0) + 1)
  keys, order = stable_sort(requests.event_user * span + labels_from_0)
  starts, place = starts_of(keys), places_in_runs(keys)
  following = np.full(total, total, np.int64)
  again = (place > 0).nonzero()[0]
  following[order[again - 1]] = order[again]
  number, first = np.empty(total, np.int64), np.empty(total, np.int64)
  number[order] = place + 1
  first[order] = time[order[starts]].repeat(run_sizes(starts, total))
  decayed = np.ones((total, len(taus)), np.float32)
  _, by_number = stable_sort(place)
  ends = np.bincount(place).cumsum()
  for begin, end in itertools.pairwise(ends) if len(taus) else ():
    # The n-th events of all labels, from the ones just before them.
    some = by_number[begin:end]
    now, before = order[some], order[some - 1]
    gap = (time[now] - time[before])[:, None]
    decayed[now] += decayed[before] * np.exp(-gap / np.asarray(taus))
  return EventStates(labels, following, number, first, decayed)
