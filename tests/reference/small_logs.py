"""Logs of a few users and items with repeats, and counting them by loops."""

import numpy as np
from hypothesis import strategies as st

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import ORDERED, TEST, TRAIN, Requests
from gr_jax.tokenizers.semantic_ids import SemanticIds

SIZES = (2, 3, 2)
# Seven items; the second and the third share an ID, some IDs end early.
IDS = SemanticIds(
  np.array(
    [
      [0, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 2, -1],
      [1, -1, -1],
      [1, 0, 1],
      [1, 2, 0],
    ],
    np.int32,
  ),
  SIZES,
)


def requests_of(sequences: list[list[int]]) -> Requests:
  """A request at every event, and one after a user's last, which is a test."""
  sizes = np.array([len(one) for one in sequences])
  offsets = np.concatenate(([0], np.cumsum(sizes)))
  user = np.repeat(np.arange(len(sizes)), sizes + 1)
  position = np.concatenate([np.arange(size + 1) for size in sizes])
  items = np.concatenate([np.zeros(0, int), *sequences]).astype(np.int32)
  pages = np.concatenate([[*one, 0] for one in sequences])
  return Requests(
    user_ids=object_array([str(u) for u in range(len(sizes))]),
    profiles=object_array([()] * len(sizes)),
    user_offsets=offsets,
    event_item=items,
    event_time=np.concatenate([np.arange(size) for size in sizes]),
    user=user.astype(np.int32),
    time=position,
    history_end=offsets[user] + position,
    query=np.full(len(user), -1, np.int32),
    split=np.where(position == sizes[user], TEST, TRAIN).astype(np.int8),
    page_offsets=np.arange(len(user) + 1),
    page_item=pages.astype(np.int32),
    page_kind=np.full(len(user), ORDERED, np.int8),
    page_value=np.zeros(len(user), np.float32),
    queries=object_array([]),
  )


@st.composite
def logs(draw) -> tuple[list[list[int]], int, int]:
  """Sequences, a user, and where the history of its row ends."""
  sequence = st.lists(st.integers(0, len(IDS) - 1), min_size=1, max_size=9)
  sequences = draw(st.lists(sequence, min_size=1, max_size=4))
  user = draw(st.integers(0, len(sequences) - 1))
  return sequences, user, draw(st.integers(0, len(sequences[user]) - 1))


def cut(sequences: list[list[int]], user: int, end: int) -> list[list[int]]:
  """The log of which `user` has the first `end` events alone."""
  return [*sequences[:user], sequences[user][:end], *sequences[user + 1 :]]


def popularity(sequences: list[list[int]]) -> np.ndarray:
  """`[N]`, the number of events of each item."""
  counts = np.zeros(len(IDS), np.int64)
  for one in sequences:
    for item in one:
      counts[item] += 1
  return counts


def transition_weights(
  sequences: list[list[int]], *, window: int
) -> np.ndarray:
  """`[I, I]`: forward 1 / gap, backward half, over sqrt(popularity) + 5."""
  pairs = np.zeros((IDS.num_ids, IDS.num_ids))
  events = np.zeros(IDS.num_ids)
  for one in sequences:
    rows = [IDS.id_of_item[item] for item in one]
    for q, new in enumerate(rows):
      events[new] += 1
      for p in range(max(0, q - window), q):
        pairs[rows[p], new] += 1 / (q - p)
        pairs[new, rows[p]] += 0.5 / (q - p)
  return pairs / (np.sqrt(events) + 5)
