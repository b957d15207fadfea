import numpy as np

from gr_jax.candidates.sources import alike_users
from gr_jax.candidates.sources.alike_users import AlikeUsers
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TEST
from gr_jax.data.row_lists import RowLists
from tests.reference import candidate_log

ITEMS = candidate_log.ITEMS


def entries(counts):
  return np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)


def users_of(log):
  """`[U, N]`, counted one by one."""
  sequences = training_sequences(log)
  counts = np.zeros((len(sequences), ITEMS))
  for user, item in zip(sequences.owners, sequences.rows):
    counts[user, item] += 1
  return counts


def source_of(log):
  return AlikeUsers(training_sequences(log), num_items=ITEMS, most=8)


def test_a_training_request_is_written_as_all_users_but_its_own():
  batch = candidate_log.batch()
  log = batch.log.requests
  x = entries(users_of(log))
  ridge = np.mean((x**2).sum(axis=1)[(x > 0).any(axis=1)])
  source = source_of(log)
  rows, items = np.divmod(np.arange(len(batch.requests) * ITEMS), ITEMS)
  found = source._at(batch, rows, items).reshape(-1, ITEMS)
  training = batch.ends < batch.log.counted[batch.users]
  assert training.any()
  for row in np.flatnonzero(training):
    user = batch.users[row]
    # Fitted anew on the users that are left.
    left = np.delete(x, user, axis=0)
    begin, end = batch.starts[row], batch.ends[row]
    history = entries(np.bincount(log.event_item[begin:end], minlength=ITEMS))
    gram = left @ left.T + ridge * np.eye(len(left))
    expected = history @ left.T @ np.linalg.solve(gram, left)
    np.testing.assert_allclose(found[row], expected, rtol=1e-3, atol=1e-4)


def test_a_later_request_is_written_as_all_users():
  batch = candidate_log.batch(split=TEST)
  source = source_of(batch.log.requests)
  x = source._chosen.toarray().T
  rows, events = batch.history
  counts = np.zeros((len(batch.requests), ITEMS))
  np.add.at(counts, (rows, batch.event_item[events]), 1)
  expected = entries(counts) @ x.T @ source._kernel
  np.testing.assert_allclose(
    source._users(batch), expected, rtol=1e-4, atol=1e-5
  )


def test_the_best_new_items_are_proposed_and_described():
  batch = candidate_log.batch()
  source = source_of(batch.log.requests)
  source.measure(batch)
  scores = source._users(batch) @ source._chosen.T.toarray()
  scores[batch.bought(ITEMS)] = 0
  proposed = source.propose(batch)
  open_ended = np.flatnonzero(batch.queries < 0)
  assert set(proposed.owners) <= set(open_ended)
  for owner in open_ended:
    own = np.maximum(scores[batch.row(owner)], 0)
    mine = proposed.owners == owner
    best = np.argsort(-own, kind="stable")[:8]
    best = best[own[best] > 1e-6]
    by_place = np.argsort(-proposed.scores[mine])
    np.testing.assert_allclose(
      own[proposed.items[mine][by_place]][: len(best)], own[best], rtol=1e-3
    )
  pairs = candidate_log.all_pairs(batch)
  score, share, place = source.describe(batch, pairs).T
  row = batch.row(pairs.owners)
  exact = np.maximum(source._at(batch, row, pairs.items), 0)
  np.testing.assert_allclose(score, np.log1p(exact / source._scale), rtol=1e-4)
  top = np.maximum(scores, 0).max(axis=1)[row]
  some = top > 1e-6
  np.testing.assert_allclose(
    share[some],
    np.log(np.minimum(exact[some] / top[some], 2) + 0.01),
    rtol=1e-3,
    atol=1e-3,
  )
  assert place.max() <= 0
  assert place.min() >= -np.log1p(8) - 1e-6


def test_users_without_a_choice_are_alike_to_nobody():
  source = AlikeUsers(
    RowLists(np.array([0, 0, 0]), np.zeros(0, np.int64)), num_items=ITEMS
  )
  batch = candidate_log.batch(split=TEST)
  batch.users[:] = 0
  pairs = candidate_log.all_pairs(batch)
  assert not source.describe(batch, pairs)[:, 0].any()


def test_proposals_are_of_the_items_that_most_users_chose(monkeypatch):
  monkeypatch.setattr(alike_users, "COMMON", 25)
  batch = candidate_log.batch()
  source = source_of(batch.log.requests)
  users = (users_of(batch.log.requests) > 0).sum(axis=0)
  common = np.argsort(-users, kind="stable")[:25]
  proposed = source.propose(batch)
  assert len(proposed.items)
  assert set(proposed.items) <= set(common)
  # Others are described all the same.
  source.measure(batch)
  pairs = candidate_log.all_pairs(batch)
  rare = ~np.isin(pairs.items, common)
  assert (source.describe(batch, pairs)[rare, 0] > 0).any()
