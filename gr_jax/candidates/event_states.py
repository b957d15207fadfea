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
  total = len(requests.event_item)
  user, time = requests.event_user, requests.event_time
  order = np.lexsort((np.arange(total), labels, user))
  same = (user[order][1:] == user[order][:-1]) & (
    labels[order][1:] == labels[order][:-1]
  )
  following = np.full(total, total, np.int64)
  following[order[:-1][same]] = order[1:][same]
  starts = np.flatnonzero(np.concatenate(([True], ~same)))[:total]
  runs = np.diff(np.append(starts, total))
  number = np.empty(total, np.int64)
  number[order] = np.arange(total) - np.repeat(starts, runs) + 1
  first = np.empty(total, np.int64)
  first[order] = np.repeat(time[order[starts]], runs)
  decayed = np.ones((total, len(taus)), np.float32)
  by_number = np.argsort(number[order], kind="stable")
  ends = np.cumsum(np.bincount(number, minlength=1)[1:])
  for begin, end in itertools.pairwise(ends) if len(taus) else ():
    # The n-th events of all labels, from the ones just before them.
    place = by_number[begin:end]
    now, before = order[place], order[place - 1]
    gap = (time[now] - time[before])[:, None]
    decayed[now] += decayed[before] * np.exp(-gap / np.asarray(taus))
  return EventStates(labels, following, number, first, decayed)
