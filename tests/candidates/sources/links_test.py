import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from gr_jax.candidates.asked import Asked
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.sources import links
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists, offsets_of
from tests.reference import small_logs


def asked_by(sequences):
  requests = small_logs.requests_of(sequences)
  counted = requests.user_offsets[:-1] + training_sequences(requests).sizes
  nobody = np.zeros(0, np.int64), np.zeros((0, 1), np.float32)
  log = Log(requests, counted, *nobody)
  rows = np.arange(len(requests))
  return Asked(log, rows[:, None], np.ones(len(rows), bool))


def kept_sequences(asked, row):
  """Training sequences where the row's user stops at its history."""
  requests = asked.log.requests
  user = requests.user[asked.requests[row, 0]]
  found = []
  for u, begin in enumerate(requests.user_offsets[:-1]):
    end = asked.log.counted[u]
    if u == user:
      end = min(end, asked.ends[row])
    found.append(requests.event_item[begin : max(end, begin)].tolist())
  return found


def newest(asked, row, num_items):
  history = asked.log.requests.history(asked.requests[row, 0])
  weights = np.zeros(num_items)
  for age, item in enumerate(history[::-1][: links.LAST]):
    weights[item] += 1 / (1 + age)
  return weights


def windowed(sequences, weights, num_items, window):
  pairs, popularity = np.zeros((num_items, num_items)), np.zeros(num_items)
  for sequence in sequences:
    np.add.at(popularity, sequence, 1)
    for q, new in enumerate(sequence):
      for p in range(max(q - window, 0), q):
        pairs[sequence[p], new] += 1 / (q - p)
        pairs[new, sequence[p]] += 0.5 / (q - p)
  return weights @ pairs / (np.sqrt(popularity) + 5)


def same_users(sequences, whole, weights, num_items):
  def users(of):
    have = np.zeros((len(of), num_items))
    for user, sequence in enumerate(of):
      have[user, sequence] = 1
    return have

  have, all_ = users(sequences), users(whole)
  both = have.T @ have
  np.fill_diagonal(both, 0)
  root = 1 / np.sqrt(all_.sum(0) + 5)
  return (weights * root) @ both / np.sqrt(have.sum(0) + 5)


@settings(max_examples=40, deadline=None)
@given(small_logs.logs(), st.integers(1, 3))
def test_scores_are_those_of_a_log_that_ends_with_the_history(drawn, window):
  sequences = drawn[0]
  asked = asked_by(sequences)
  whole = training_sequences(asked.log.requests)
  N = int(asked.event_item.max(initial=0)) + 1
  of_pairs = links.Windowed("w", whole, num_items=N, window=window)
  scores = of_pairs.scores(asked)
  for row in range(len(asked.requests)):
    weights = newest(asked, row, N)
    kept = kept_sequences(asked, row)
    expected = windowed(kept, weights, N, window)
    np.testing.assert_allclose(scores[row], expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(small_logs.logs())
def test_users_of_both_are_counted_without_the_rows_own_future(drawn):
  asked = asked_by(drawn[0])
  whole = training_sequences(asked.log.requests)
  N = int(asked.event_item.max(initial=0)) + 1
  scores = links.SameUsers("s", whole, num_items=N).scores(asked)
  every = [whole[u].tolist() for u in range(len(whole))]
  for row in range(len(asked.requests)):
    kept = kept_sequences(asked, row)
    expected = same_users(kept, every, newest(asked, row, N), N)
    np.testing.assert_allclose(scores[row], expected, atol=1e-5)


def test_likeness_is_read_by_the_newest_items_and_proposes_the_best():
  asked = asked_by([[0, 1, 2, 3], [3, 2, 1, 0]])
  likeness = np.random.default_rng(0).random((4, 4)).astype(np.float32)
  source = links.Likeness("l", sparse.csr_array(likeness))
  scores = source.scores(asked)
  for row in range(len(asked.requests)):
    expected = newest(asked, row, 4) @ likeness
    np.testing.assert_allclose(scores[row], expected, rtol=1e-5)
  source.measure(asked)
  pairs = Pairs(np.arange(4 * len(asked.requests)), 4)
  found = source.describe(asked, pairs).reshape(len(asked.requests), 4, 3)
  unit = np.median(scores[scores > 0])
  np.testing.assert_allclose(found[..., 0], np.log1p(scores / unit), rtol=1e-5)
  new = np.ones_like(scores, bool)
  new[asked.bought(4)] = False
  top = np.where(new, scores, 0).max(1, keepdims=True)
  top = np.where(top > 0, top, scores.max(1, keepdims=True))
  np.testing.assert_allclose(
    found[..., 1], np.log(scores / np.maximum(top, 1e-12) + 0.01), rtol=1e-5
  )
  unbought = np.where(new, scores, 0)
  place = np.argsort(np.argsort(-unbought, axis=1), axis=1)
  place = np.where(unbought > 0, place, 48)
  np.testing.assert_allclose(found[..., 2], -np.log1p(place), rtol=1e-6)
  proposed = source.propose(asked)
  linked = {(r, i) for r, i in zip(*np.nonzero(unbought > 0))}
  assert set(zip(proposed.owners, proposed.items)) == linked


def test_the_strongest_links_of_a_row_stay():
  rng = np.random.default_rng(0)
  dense = rng.random((5, 9)) * (rng.random((5, 9)) < 0.7)
  scale = rng.random(9) + 0.1
  found = links.strongest(sparse.csr_array(dense), keep=3, scale=scale)
  for row, kept in zip(dense, found.toarray()):
    expected = np.argsort(-row * scale)[: min(3, (row > 0).sum())]
    np.testing.assert_array_equal(np.flatnonzero(kept), np.sort(expected))
    np.testing.assert_allclose(kept[expected], row[expected], rtol=1e-6)


@pytest.mark.parametrize("dense", [True, False])
def test_like_texts_are_the_largest_cosines_and_never_the_text_itself(dense):
  x = np.random.default_rng(0).random((7, 4)).astype(np.float32)
  x /= np.linalg.norm(x, axis=1, keepdims=True)
  vectors = x if dense else sparse.csr_array(x)
  found = links.like_texts(vectors, keep=2, power=3, block=3).toarray()
  cosine = x @ x.T
  np.fill_diagonal(cosine, -1)
  for row, kept in zip(cosine, found):
    best = np.sort(np.argsort(-row)[:2])
    np.testing.assert_array_equal(np.flatnonzero(kept), best)
    np.testing.assert_allclose(kept[best], row[best] ** 3, rtol=1e-5)


def test_lent_pairs_are_those_of_similar_items():
  """What follows an item is taken to be followed by its likes as well."""
  sequences = RowLists(offsets_of(np.array([2, 2])), np.array([0, 1, 0, 1]))
  near = links.with_itself(
    sparse.csr_array(np.array([[0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])), 1.0
  )
  np.testing.assert_allclose(near.sum(axis=1), 1)
  asked = asked_by([[0], [0]])
  source = links.Windowed("lent", sequences, num_items=3, window=1, after=near)
  plain = links.Windowed("plain", sequences, num_items=3, window=1)
  lent, own = source.scores(asked), plain.scores(asked)
  np.testing.assert_allclose(lent, own @ near.toarray(), rtol=1e-5)
  with_history = asked.ends > asked.starts
  assert (lent[with_history, 2] > 0).all()
