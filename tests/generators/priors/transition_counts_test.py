import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data import row_lists
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import Requests
from gr_jax.evaluation.baselines import item_knn
from gr_jax.generators.priors.left_out import FutureEvents, LeftOut
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_logs import (
  IDS,
  cut,
  logs,
  requests_of,
  transition_weights,
)
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
  assert table.kept == 5
  np.testing.assert_allclose(table.weights[:, :5], expected, atol=1e-7)


def test_items_that_share_an_id_are_counted_together():
  ids = SemanticIds(np.array([[0], [1], [0]]), (2,))
  items, owners = np.array([0, 1, 2, 1]), np.array([0, 0, 1, 1])
  table = count_transitions(ids, items, owners, neighbours=2, **SIZES)
  scale = 1 / (np.sqrt(2) + 5)
  np.testing.assert_allclose(dense(table), [[0, 2 * scale], [scale, 0]])


def test_sizes_below_one_are_refused():
  with pytest.raises(ValueError, match="neighbours 0"):
    count_transitions(semantic_ids(), *all_sequences(), neighbours=0, **SIZES)


def of_one_shape(table, left):
  """Both padded to what the largest of the logs would need."""
  more = ((0, 0), (0, IDS.num_ids - table.neighbours.shape[1]))
  pairs = ((0, 0), (0, 60 - left.pairs.shape[1]))
  table = table.replace(
    neighbours=np.pad(table.neighbours, more),
    weights=np.pad(table.weights, more),
  )
  events = ((0, 0), (0, 9 - left.events.shape[1]))
  return table, left.replace(
    events=np.pad(left.events, events, constant_values=-1),
    pairs=np.pad(left.pairs, (*pairs, (0, 0)), constant_values=-1),
    weights=np.pad(left.weights, pairs),
  )


@jax.jit
def related(table, left, history):
  return table.without(left).related(history)


@given(logs(), st.sampled_from([1, 3]), st.sampled_from([1, 3]))
def test_a_row_reads_the_strongest_of_a_log_that_ends_with_it(log, k, window):
  """Against a count by loops, with repeats and with what comes later."""
  sequences, user, end = log
  requests = requests_of(sequences)
  lists = training_sequences(requests)
  table = count_transitions(
    IDS, lists.rows, lists.owners, window=window, neighbours=k, last=3
  )
  row = np.flatnonzero(
    requests.history_end == requests.user_offsets[user] + end
  )
  row = row[requests.user[row] == user]
  future = FutureEvents(
    requests, IDS.id_of_item, requests.user_offsets[1:], window=window
  )
  history = np.full((1, 9, 3), -1)
  history[0, 9 - end :] = IDS.codes[sequences[user][:end]]
  left = future(row)
  codes, found = related(*of_one_shape(table, left), history)
  expected = transition_weights(cut(sequences, user, end), window=window)
  bought = IDS.id_of_item[sequences[user][:end]]
  for slot, item in enumerate(bought[::-1][:3]):
    weights = expected[item]
    least = np.sort(weights)[::-1][min(k, len(weights)) - 1]
    read = np.zeros(IDS.num_ids)
    np.add.at(read, np.asarray(table.rows(codes[0, slot])), found[0, slot])
    # Items at the border may be equal: any of them is one of the k strongest.
    sure = weights > least + 1e-6
    weights[bought], read[bought] = 0, 0
    np.testing.assert_allclose(read[sure], weights[sure], atol=1e-6)
    some = read > 0
    assert some.sum() <= k
    np.testing.assert_allclose(read[some], weights[some], atol=1e-6)
    assert (weights[some] > least - 1e-6).all()


def test_a_neighbour_that_only_leaving_out_makes_strong_is_kept():
  ids = SemanticIds(np.arange(6)[:, None], (6,))
  mine = [0, 4, *[5] * 9]
  others = [[0, 5]] + [[0, item] for item in (1, 2, 3)]
  others += [[item] for item in (1, 2, 3) for _ in range(3)]
  sequences = [mine, *others]
  owners = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
  table = count_transitions(
    ids, np.concatenate(sequences), owners, window=1, neighbours=1, last=1
  )
  history = ids.codes[[0]][None]
  # 5 comes fifth after 0: it was bought ten times, nine of them to come.
  assert (table.weights[0] > 1 / (np.sqrt(10) + 5) + 1e-6).sum() == 4
  left = LeftOut(
    np.array([mine[1:]], np.int32),
    np.array([[[0, 4]]], np.int32),
    np.ones((1, 1), np.float32),
  )
  codes, weights = table.without(left).related(history)
  assert codes[0, 0, 0, 0] == 5
  assert weights[0, 0, 0] == pytest.approx(1 / (1 + 5))
