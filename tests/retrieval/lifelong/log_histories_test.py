"""A log's lifetimes are those that its requests have, cut where they end."""

import jax.numpy as jnp
import numpy as np

from gr_jax.retrieval.lifelong.lifecycle_cache import LifecycleCache
from gr_jax.retrieval.lifelong.log_histories import (
  LogHistory,
  compress_log,
  history_at,
)
from gr_jax.retrieval.lifelong.state_store import StateStore
from tests.reference.small_logs import requests_of

SEQUENCES = [[3, 1, 4, 1, 5, 9, 2], [6], [5, 3, 5]]


def count_items(events, mask):
  """How often each item is among the events: a sum over them."""
  ones = jnp.where(mask[..., None], jnp.eye(10)[events["items"]], 0)
  return ones.sum(axis=1)


def test_a_history_is_what_its_log_says():
  requests = requests_of(SEQUENCES)
  for user, sequence in enumerate(SEQUENCES):
    history = LogHistory(requests, user)
    assert history.user_id == requests.user_ids[user]
    assert len(history) == len(sequence)
    assert history.read(0, len(history))["items"].tolist() == sequence
  assert LogHistory(requests, 0).read(2, 4)["items"].tolist() == [4, 1]
  for request in range(len(requests)):
    history, user = history_at(requests, request), requests.user[request]
    rows = slice(requests.user_offsets[user], requests.history_end[request])
    found = history.read(0, len(history))
    np.testing.assert_array_equal(found["items"], requests.event_item[rows])
    np.testing.assert_array_equal(found["times"], requests.event_time[rows])


def test_what_is_compressed_offline_is_found_online(tmp_path):
  requests = requests_of(SEQUENCES)
  store = StateStore(tmp_path / "states", version="one", shape=(10,))
  cache = LifecycleCache(store, count_items, newest=2)
  sums = np.zeros((3, 10))
  for users, found in compress_log(cache, requests, batch=2):
    sums[users] = found
  expected = [np.bincount(each[:-2], minlength=10) for each in SEQUENCES]
  np.testing.assert_array_equal(sums, expected)
  online = LifecycleCache(store, count_items, newest=2)
  wanted = [LogHistory(requests, user) for user in (2, 0)]
  np.testing.assert_array_equal(online.states(wanted), sums[[2, 0]])
  assert online.compressed == 0
  store.close()
