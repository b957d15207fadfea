"""The training period: what may be learned, in events and in requests.

Everything that is fitted or counted reads the past through the masks here:
popularity, item values, item-item counts, transitions, vectors, baselines, the
vocabulary, the preference model and the tokenizers.

An event of user u at time t is *training* iff

  t < the time of u's own first held-out request, and,
  t < the time of the first held-out request of all users,

the second only where the split is by time: where all requests of the training
splits come before all held-out ones, on one clock ([OURS]; the protocols leave
open what becomes of users without held-out requests). Where a published split
says it of every event (`Requests.event_split`), an event that is held out
counts as a held-out request of its user, and the second is not asked. So

* at a tie the event is held out: it may belong to what is asked for;
* in a leave-one-out split the last events of every user are held out, and those
  of others are training although they may be later: nothing else is;
* a user without a held-out request is training as a whole in a leave-one-out
  split, and up to the first held-out request of all in a split by time;
* with `before=TEST` the validation period is learned as well, and held-out
  requests are those of the test.
"""

import numpy as np

from gr_jax.data.requests import CLICKED, TRAIN, VALID, Requests

NEVER = np.iinfo(np.int64).max


def request_mask(requests: Requests, *, before: int = VALID) -> np.ndarray:
  """Returns `[R]` bool, True for requests of the splits before `before`."""
  return requests.split < before


def event_mask(requests: Requests, *, before: int = VALID) -> np.ndarray:
  """Returns `[E]` bool, True for events of the training period.

  The events of a user are sorted, so those of training come first.
  """
  return (
    requests.event_time
    < training_ends(requests, before=before)[requests.event_user]
  )


def page_mask(
  requests: Requests, *, before: int = VALID, least: int = CLICKED
) -> np.ndarray:
  """Returns `[P]` bool, True for entries of pages of training requests.

  Args:
    requests: The requests.
    before: The first split that is held out.
    least: The least kind of an entry, CLICKED for what a request led to.
  """
  trained = request_mask(requests, before=before)[requests.page_request]
  return trained & (requests.page_kind >= least)


def event_counts(
  requests: Requests, *, num_items: int, before: int = VALID
) -> np.ndarray:
  """Counts `[N]` int64 the training events of each item: its popularity."""
  items = requests.event_item[event_mask(requests, before=before)]
  return np.bincount(items, minlength=num_items).astype(np.int64)


def training_ends(requests: Requests, *, before: int = VALID) -> np.ndarray:
  """Returns `[U]` int64, the time from which a user's events are held out.

  `NEVER` for a user of whom all events are training.
  """
  user, time, split = requests.user, requests.time, requests.split
  if requests.event_split is not None:
    # A user's first event leads to no request, and may be held out as well.
    held_out = np.flatnonzero(requests.event_split > TRAIN)
    user = np.append(user, requests.event_user[held_out])
    time = np.append(time, requests.event_time[held_out])
    split = np.append(split, requests.event_split[held_out])
  return ends_of(
    user,
    time,
    split,
    num_users=len(requests.user_ids),
    shared_clock=requests.shared_clock and requests.event_split is None,
    before=before,
  )


def ends_of(
  user: np.ndarray,
  time: np.ndarray,
  split: np.ndarray,
  *,
  num_users: int,
  shared_clock: bool,
  before: int = VALID,
) -> np.ndarray:
  """Returns `training_ends` of users, times and splits `[R]`.

  They are those of all requests and of the events that are held out.
  """
  held_out = split >= before
  ends = np.full(num_users, NEVER)
  np.minimum.at(ends, user[held_out], time[held_out])
  if not (shared_clock and _in_order(time, held_out)):
    return ends
  return np.minimum(ends, time[held_out].min(initial=NEVER))


def split_by_time(requests: Requests, *, before: int = VALID) -> bool:
  """Whether, on one clock, all training requests come before the others."""
  clock = requests.shared_clock and requests.event_split is None
  return clock and _in_order(requests.time, requests.split >= before)


def _in_order(time: np.ndarray, held_out: np.ndarray) -> bool:
  """Whether the last time that is not held out is before all that are."""
  last = time[~held_out].max(initial=-NEVER)
  return bool(last < time[held_out].min(initial=NEVER))
