import numpy as np
import pytest

from gr_jax.data import row_lists
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TRAIN, Requests
from gr_jax.evaluation.baselines import item_knn
from gr_jax.generators.priors.transition_counts import (
  FutureItems,
  count_transitions,
)
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_world import semantic_ids, shop

SIZES = {"window": 3, "last": 4}


def all_sequences():
  requests: Requests = shop().requests
  owners = np.repeat(
    np.arange(len(requests.user_ids)), np.diff(requests.user_offsets)
  )
  return requests.event_item, owners


def dense(table):
  """`[I, I]` of all that is kept."""
  weights = np.zeros((len(table.ids), len(table.ids)))
  rows = np.arange(len(table.ids))[:, None]
  np.add.at(weights, (rows, np.asarray(table.neighbours)), table.weights)
  return weights


def test_where_every_item_has_its_id_the_weights_are_the_baselines():
  ids, (items, owners) = semantic_ids(), all_sequences()
  assert ids.num_ids == len(ids)
  table = count_transitions(ids, items, owners, neighbours=60, **SIZES)
  lists = row_lists.from_spans(
    items, *(np.searchsorted(owners, range(20), s) for s in ("left", "right"))
  )
  baseline = item_knn.fit(lists, num_items=60, window=3)
  expected = np.zeros((60, 60))
  expected[:, baseline.order] = baseline.weights.toarray()
  found = dense(table)[np.ix_(ids.id_of_item, ids.id_of_item)]
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_strongest_neighbours_stay_strongest_first():
  ids, (items, owners) = semantic_ids(), all_sequences()
  everything = count_transitions(ids, items, owners, neighbours=60, **SIZES)
  table = count_transitions(ids, items, owners, neighbours=5, **SIZES)
  expected = -np.sort(-dense(everything), axis=1)[:, :5]
  np.testing.assert_allclose(table.weights, expected, atol=1e-7)


def test_items_that_share_an_id_are_counted_together():
  ids = SemanticIds(np.array([[0], [1], [0]]), (2,))
  items, owners = np.array([0, 1, 2, 1]), np.array([0, 0, 1, 1])
  table = count_transitions(ids, items, owners, neighbours=2, **SIZES)
  scale = 1 / (np.sqrt(2) + 5)
  np.testing.assert_allclose(dense(table), [[0, 2 * scale], [scale, 0]])


def test_sizes_below_one_are_refused():
  with pytest.raises(ValueError, match="neighbours 0"):
    count_transitions(semantic_ids(), *all_sequences(), neighbours=0, **SIZES)


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
