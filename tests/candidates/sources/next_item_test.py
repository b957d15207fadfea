import numpy as np
import pytest

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.sources import next_item
from gr_jax.candidates.sources.next_item import FOLDS, LENGTH
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.data.row_lists import RowLists, offsets_of
from gr_jax.dense.sasrec import SASRec
from tests.reference import candidate_log

ITEMS = candidate_log.ITEMS


def opinions(batch):
  """`[FOLDS, B, N]`, `log p` of each model, one history at a time."""
  source = candidate_log.next_item()
  model = SASRec(next_item.NETWORK, ITEMS)
  events = batch.log.requests.event_item
  found = np.zeros((FOLDS, len(batch.requests), ITEMS))
  for fold, params in enumerate(source._params):
    for row, (start, end) in enumerate(zip(batch.starts, batch.ends)):
      items = events[max(start, end - LENGTH) : end]
      rows = np.zeros((1, LENGTH), np.int32)
      rows[0, : len(items)] = items
      count = np.array([len(items)], np.int32)
      found[fold, row] = next_item.log_probs(model, params, rows, count)[0]
  return found


def described(batch):
  """The features `[B, N, 3]` of all items."""
  pairs = candidate_log.all_pairs(batch)
  found = candidate_log.next_item().describe(batch, pairs)
  return found.reshape(len(batch.requests), ITEMS, 3)


def test_a_training_request_reads_the_model_without_its_user():
  batch = candidate_log.batch(split=TRAIN)
  expected = opinions(batch)
  with_future = batch.ends < batch.log.counted[batch.users]
  assert with_future.any()
  for row in np.flatnonzero(with_future):
    own = expected[batch.users[row] % FOLDS, row]
    np.testing.assert_allclose(
      described(batch)[row, :, 0], np.maximum(own, -20), rtol=1e-4, atol=1e-4
    )


def test_a_later_request_reads_the_mean_of_all_models():
  batch = candidate_log.batch(split=TEST)
  mean = np.maximum(opinions(batch).mean(axis=0), -20)
  np.testing.assert_allclose(
    described(batch)[..., 0], mean, rtol=1e-4, atol=1e-4
  )


@pytest.mark.parametrize("split", candidate_log.splits())
def test_the_best_items_that_the_user_has_not_are_proposed(split):
  batch = candidate_log.batch(split=split)
  features = described(batch)
  proposed = candidate_log.next_item().propose(batch)
  asked = np.flatnonzero(
    (batch.queries < 0) & (batch.ends > batch.starts)[batch.row(np.arange(16))]
  )
  assert set(proposed.owners) == set(asked)
  for owner in asked:
    mine = proposed.owners == owner
    order = np.argsort(-proposed.scores[mine])
    items = proposed.items[mine][order]
    row = batch.row(owner)
    span = slice(batch.starts[row], batch.ends[row])
    had = np.unique(batch.event_item[span])
    score = features[row, :, 0].copy()
    score[had] = -np.inf
    best = np.sort(score)[::-1][: len(items)]
    np.testing.assert_allclose(score[items], best)
    np.testing.assert_allclose(
      features[row, items, 1], best - best[0], atol=1e-5
    )
    np.testing.assert_allclose(
      features[row, items, 2], -np.log1p(np.arange(len(items))), rtol=1e-6
    )
    np.testing.assert_allclose(features[row, had, 2], -np.log1p(8), rtol=1e-6)


def test_of_a_new_item_nothing_is_known():
  facts = candidate_log.facts()
  more = ItemFacts(
    *(
      np.concatenate((column, column[:2]))
      for column in (
        facts.texts,
        facts.categories,
        facts.prices,
        facts.vectors,
      )
    )
  )
  grown = candidate_log.next_item().grown(more)
  batch = candidate_log.batch(split=TEST)
  found = grown._scores(batch)
  assert found.shape == (16, ITEMS + 2)
  np.testing.assert_allclose(found[:, ITEMS:], -np.log(ITEMS + 2), rtol=1e-6)


def test_models_learn_what_follows_what_from_other_users():
  """Item i is followed by i + 1 of 12."""
  users = 40
  rows = np.concatenate([(u + np.arange(8)) % 12 for u in range(users)])
  sequences = RowLists(offsets_of(np.full(users, 8)), rows)
  steps = []
  source = next_item.fit(
    sequences,
    np.tile(np.arange(8), users),
    num_items=12,
    steps=40,
    progress=lambda step, metrics: steps.append(step),
  )
  assert steps == sorted(steps)
  assert steps[-1] == 80
  model = SASRec(next_item.NETWORK, 12)
  history = np.zeros((1, LENGTH), np.int32)
  history[0, :3] = 4, 5, 6
  for params in source._params:
    found = next_item.log_probs(model, params, history, np.array([3]))
    assert found[0].argmax() == 7
    np.testing.assert_allclose(np.exp(found).sum(), 1, rtol=1e-4)
