"""Logs that end earlier for one user, or hold more of that user's events."""

import dataclasses

import numpy as np

from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import Requests


def cut(requests: Requests, request: int) -> tuple[np.ndarray, np.ndarray]:
  """Items and owners `[P]` of training, for one user up to a request."""
  sequences = training_sequences(requests)
  items, owners = sequences.rows.astype(np.int64), sequences.owners
  user, end = requests.user[request], requests.history_end[request]
  starts = requests.user_offsets[owners]
  event = starts + np.arange(len(items)) - sequences.offsets[owners]
  kept = (owners != user) | (event < end)
  return items[kept], owners[kept]


def planted(requests: Requests, request: int, items: list[int]) -> Requests:
  """The log in which the user of a request buys `items` right after it.

  The user must have a later event: that is when they are bought.
  """
  at, more = requests.history_end[request], len(items)
  user_offsets, ends = requests.user_offsets, requests.history_end
  times = [requests.event_time[at]] * more
  return dataclasses.replace(
    requests,
    user_offsets=user_offsets + more * (user_offsets > at),
    event_item=np.insert(requests.event_item, at, items),
    event_time=np.insert(requests.event_time, at, times),
    history_end=ends + more * (ends > at),
    event_action=None,
  )
