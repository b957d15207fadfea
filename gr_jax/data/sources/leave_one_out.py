"""The leave-one-out split of sequences.

That of S3-Rec, SASRec and TIGER: a user's last item is the test target, the one
before it the valid target, every earlier item from the second on a training
target; a history is all that came before, so the test history ends with the
valid item. There are no queries.

`valid_trains` makes the valid targets training targets as well: the last fit,
after all choices were made, of a shop that learns from all of its data. HSTU is
fitted so (arXiv 2402.17152, its code); the papers of semantic IDs are not: say
it beside the figures.
"""

import numpy as np

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import ORDERED, TEST, TRAIN, VALID, Requests


def leave_one_out(
  users: list[str],
  offsets: np.ndarray,
  item: np.ndarray,
  time: np.ndarray,
  *,
  valid_trains: bool = False,
  event_action: np.ndarray | None = None,
  shared_clock: bool,
) -> Requests:
  """A request of every event but a user's first.

  Args:
    users: the IDs of `U` users.
    offsets: `[U + 1]` into their events.
    item: `[E]` catalogue rows.
    time: `[E]`.
    valid_trains: see above.
    event_action: `[E]`, see `Requests`.
    shared_clock: whether times of different users can be compared.
  """
  user = np.repeat(np.arange(len(users)), np.diff(offsets))
  from_end = offsets[user + 1] - np.arange(len(item)) - 1
  valid = TRAIN if valid_trains else VALID
  split = np.select([from_end == 0, from_end == 1], [TEST, valid], TRAIN)
  rows = np.flatnonzero(np.arange(len(item)) > offsets[user])
  return Requests(
    user_ids=object_array(users),
    profiles=object_array([()] * len(users)),
    user_offsets=offsets,
    event_item=item.astype(np.int32),
    event_time=time.astype(np.int64),
    user=user[rows].astype(np.int32),
    time=time[rows].astype(np.int64),
    history_end=rows.astype(np.int64),
    query=np.full(len(rows), -1, np.int32),
    split=split[rows].astype(np.int8),
    page_offsets=np.arange(len(rows) + 1, dtype=np.int64),
    page_item=item[rows].astype(np.int32),
    page_kind=np.full(len(rows), ORDERED, np.int8),
    page_value=np.zeros(len(rows), np.float32),
    queries=object_array([]),
    shared_clock=shared_clock,
    event_action=event_action,
  )
