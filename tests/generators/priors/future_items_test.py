import numpy as np

from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TRAIN
from gr_jax.generators.priors.future_items import FutureItems
from tests.reference.small_world import semantic_ids, shop


def test_the_next_events_come_until_counting_stopped():
  requests, codes = shop().requests, semantic_ids().codes
  sequences = training_sequences(requests)
  ends = requests.user_offsets[:-1] + sequences.sizes
  future_items = FutureItems(requests, codes, ends, window=3)
  rows = np.flatnonzero(requests.split == TRAIN)
  for row, found in zip(rows, future_items(rows)):
    user, end = requests.user[row], requests.history_end[row]
    events = requests.event_item[end : min(end + 3, ends[user])]
    np.testing.assert_array_equal(found[: len(events)], codes[events])
    assert (found[len(events) :] == -1).all()
  assert (future_items(rows) >= 0).any()
  assert (future_items(rows) < 0).any()
