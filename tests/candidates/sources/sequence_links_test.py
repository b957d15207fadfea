import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.sources.likeness import with_itself
from gr_jax.candidates.sources.sequence_links import (
  SameUsers,
  Windowed,
  count_pairs,
  strongest,
)
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists, offsets_of
from tests.reference import small_logs
from tests.reference.small_links import (
  batch_of,
  dense,
  kept_sequences,
  newest,
  same_users,
  windowed,
)


@settings(max_examples=40, deadline=None)
@given(small_logs.logs(), st.integers(1, 3))
def test_scores_are_those_of_a_log_that_ends_with_the_history(drawn, window):
  sequences = drawn[0]
  batch = batch_of(sequences)
  whole = training_sequences(batch.log.requests)
  N = int(batch.event_item.max(initial=0)) + 1
  of_pairs = Windowed("w", count_pairs(whole, num_items=N, window=window))
  scores = dense(of_pairs.scores(batch), len(batch.requests))
  for row in range(len(batch.requests)):
    weights = newest(batch, row, N)
    kept = kept_sequences(batch, row)
    expected = windowed(kept, weights, N, window)
    np.testing.assert_allclose(scores[row], expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(small_logs.logs())
def test_users_of_both_are_counted_without_the_rows_own_future(drawn):
  batch = batch_of(drawn[0])
  whole = training_sequences(batch.log.requests)
  N = int(batch.event_item.max(initial=0)) + 1
  source = SameUsers("s", whole, num_items=N)
  scores = dense(source.scores(batch), len(batch.requests))
  every = [whole[u].tolist() for u in range(len(whole))]
  for row in range(len(batch.requests)):
    kept = kept_sequences(batch, row)
    expected = same_users(kept, every, newest(batch, row, N), N)
    np.testing.assert_allclose(scores[row], expected, atol=1e-5)


def test_the_strongest_links_of_a_row_stay():
  rng = np.random.default_rng(0)
  dense = rng.random((5, 9)) * (rng.random((5, 9)) < 0.7)
  scale = rng.random(9) + 0.1
  found = strongest(sparse.csr_array(dense), keep=3, scale=scale)
  for row, kept in zip(dense, found.toarray()):
    expected = np.argsort(-row * scale)[: min(3, (row > 0).sum())]
    np.testing.assert_array_equal(np.flatnonzero(kept), np.sort(expected))
    np.testing.assert_allclose(kept[expected], row[expected], rtol=1e-6)


def test_lent_pairs_are_those_of_similar_items():
  """What follows an item is taken to be followed by its likes as well."""
  sequences = RowLists(offsets_of(np.array([2, 2])), np.array([0, 1, 0, 1]))
  near = with_itself(
    sparse.csr_array(np.array([[0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])), 1.0
  )
  np.testing.assert_allclose(near.sum(axis=1), 1)
  batch = batch_of([[0], [0]])
  counts = count_pairs(sequences, num_items=3, window=1)
  source = Windowed("lent", counts, after=near)
  plain = Windowed("plain", counts)
  lent, own = (
    dense(each.scores(batch), len(batch.requests)) for each in (source, plain)
  )
  np.testing.assert_allclose(lent, own @ near.toarray(), rtol=1e-5)
  with_history = batch.ends > batch.starts
  assert (lent[with_history, 2] > 0).all()


def test_links_of_the_same_pairs_count_them_once(monkeypatch):
  calls, counted = [], Windowed._counted

  def counting(source, batch):
    calls.append(source.names[0])
    return counted(source, batch)

  monkeypatch.setattr(Windowed, "_counted", counting)
  log = [[0, 1, 2, 1], [1, 0, 2]]
  sequences = training_sequences(batch_of(log).log.requests)
  near = with_itself(sparse.csr_array(np.eye(3)[[1, 2, 0]]), 1.0)
  counts = count_pairs(sequences, num_items=3, window=2)
  others = count_pairs(sequences, num_items=3, window=1)
  sources = [
    Windowed("windowed", counts),
    Windowed("lent", counts, after=near),
    Windowed("borrowed", counts, before=near),
    Windowed("newest", counts, last=1),
    Windowed("near", others),
  ]
  batch = batch_of(log)
  together = [one.scores(batch) for one in sources]
  assert calls == [
    "windowed_score", "borrowed_score", "newest_score", "near_score"
  ]  # fmt: skip
  for one, found in zip(sources, together):
    alone = one.scores(batch_of(log))
    np.testing.assert_array_equal(found.keys, alone.keys)
    np.testing.assert_array_equal(found.values, alone.values)
  # So they are with items that came later.
  facts = ItemFacts(
    np.array(list("abcde"), object), np.zeros((5, 0)), np.zeros(5), np.eye(5)
  )
  calls.clear()
  batch = batch_of(log)
  for one in sources[:2]:
    one.grown(facts).scores(batch)
  assert calls == ["windowed_score"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_items_that_come_later_change_no_score_that_is_lent(place):
  log = [[0, 1, 2, 1], [1, 0, 2]]
  counts = count_pairs(
    training_sequences(batch_of(log).log.requests), num_items=3, window=2
  )
  near = with_itself(sparse.csr_array(np.eye(3)[[1, 2, 0]]), 0.5)
  one = Windowed("lent", counts, **{place: near})
  facts = ItemFacts(
    np.array(list("abcd"), object),
    np.zeros((4, 0)),
    np.zeros(4),
    np.eye(3)[[0, 1, 2, 1]],
  )
  grown = one.grown(facts)
  batch = batch_of(log)
  before = dense(one.scores(batch), len(batch.requests))
  batch = batch_of(log)
  after = dense(grown.scores(batch), len(batch.requests))
  np.testing.assert_allclose(after[:, :3], before, rtol=1e-6)
  # The new item is like item 1 alone, so it has its counts.
  np.testing.assert_allclose(
    grown._popularity[3], grown._popularity[1], rtol=1e-6
  )
