import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.dense import sasrec, sasrec_training
from gr_jax.dense.sasrec import SASRec
from gr_jax.dense.sasrec_training import (
  SASRecConfig,
  fit,
  has_next,
  make_log,
  softmax_loss,
)
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.training.optimizer import OptimizerConfig
from tests.reference.plain_lists import from_lists

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=2, head_size=8, feed_forward=24
)
ITEMS = 11
MODEL = SASRec(CONFIG, ITEMS)
TRAINING = SASRecConfig(
  length=8,
  batch_size=16,
  negatives=6,
  steps=120,
  optimizer=OptimizerConfig(learning_rate=2e-2),
)


def test_something_follows_where_an_event_has_a_later_one_of_its_user():
  def follows(times, sizes):
    sequences = from_lists([[0] * size for size in sizes])
    return has_next(sequences, np.array(times))

  assert follows([1, 2], [2])
  assert not follows([1, 1], [2])
  assert not follows([1, 2], [1, 1])
  assert not follows([], [0, 0])


def test_the_wanted_items_are_those_of_the_next_moment():
  sequences = from_lists([[5, 6, 7, 8], [], [1, 2], [3]])
  times = np.array([10, 10, 20, 30, 40, 40, 50])
  log = make_log(sequences, times, length=2)
  assert log.items.tolist() == [5, 6, 7, 8, 1, 2, 3, 0, 0]
  assert log.owners.tolist() == [0, 0, 0, 0, 2, 2, 3, -1, -1]
  spans = zip(log.first.tolist(), log.count.tolist())
  wanted = [log.items[f : f + n].tolist() for f, n in spans]
  assert wanted == [[7], [7], [8], [], [], [], [], [], []]


def test_a_basket_is_wanted_whole():
  log = make_log(from_lists([[4, 1, 2, 3]]), np.array([0, 5, 5, 5]), length=1)
  assert log.first[0] == 1
  assert log.count.tolist() == [3, 0, 0, 0, 0]


def test_the_loss_is_the_equation():
  rng = np.random.default_rng(0)
  states, table = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
  wanted, negatives = np.array([0, 2, 5, 2]), np.array([2, 2, 4])
  q = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
  where = np.array([True, True, False, True])
  by_hand = []
  for s, y in zip(states[where], wanted[where]):
    own = np.exp(s @ table[y])
    others = [np.exp(s @ table[j]) / (3 * q[j]) for j in negatives if j != y]
    by_hand.append(-np.log(own / (own + sum(others))))
  value = softmax_loss(
    states,
    table,
    wanted,
    negatives,
    -np.log(3 * q[negatives]),
    where=where,
  )
  np.testing.assert_allclose(value, np.mean(by_hand), rtol=1e-5)
  whole = softmax_loss(
    states, table, wanted, np.arange(6), np.zeros(6), where=where
  )
  log_softmax = jax.nn.log_softmax(jnp.asarray(states @ table.T))
  expected = -log_softmax[np.arange(4), wanted][where].mean()
  np.testing.assert_allclose(whole, expected, rtol=1e-5)


def test_draws_follow_q_and_their_sum_is_that_of_the_catalogue():
  items = jnp.array([0, 0, 0, 1])
  config = SASRecConfig(negatives=200_000)
  drawn = sasrec_training._draw(jax.random.key(0), items, 4, config)
  share = np.bincount(drawn, minlength=4) / len(drawn)
  q = 0.5 * (np.array([3 / 4, 1 / 4, 0, 0]) + 1 / 4)
  np.testing.assert_allclose(share, q, atol=5e-3)
  scores = np.array([1.0, -1.0, 2.0, 0.5])
  estimate = np.mean(np.exp(scores)[drawn] / q[drawn])
  np.testing.assert_allclose(estimate, np.exp(scores).sum(), rtol=1e-2)


@pytest.fixture(scope="module")
def cycle():
  """Users who go round eleven items, each from somewhere else."""
  lists = [[(u + t) % ITEMS for t in range(4 + u % 5)] for u in range(33)]
  sequences = from_lists(lists)
  return sequences, np.arange(len(sequences.rows))


def hits(params, sequences) -> float:
  fitted = sasrec.index(MODEL, params, np.ones(ITEMS), length=TRAINING.length)
  found = sasrec.rank(fitted, sequences, k=1)[:, 0]
  newest = sequences.rows[sequences.offsets[1:] - 1]
  return np.mean(found == (newest + 1) % ITEMS)


@pytest.mark.parametrize("negatives", [6, ITEMS])
def test_a_cycle_is_learned_and_training_repeats_itself(cycle, negatives):
  config = SASRecConfig(
    length=8,
    batch_size=16,
    negatives=negatives,
    steps=120,
    optimizer=TRAINING.optimizer,
  )
  reported = []
  params, rows = fit(
    MODEL,
    *cycle,
    config=config,
    progress=lambda step, metrics: reported.append((step, metrics["loss"])),
  )
  assert hits(params, cycle[0]) > 0.95
  assert not rows
  assert [step for step, _ in reported] == [100, 120]
  assert reported[1][1] < 0.7 * reported[0][1]
  again, _ = fit(MODEL, *cycle, config=config)
  chex.assert_trees_all_equal(params, again)


def test_the_best_of_the_validated_parameters_is_kept(cycle):
  values, seen = iter([0.1, 0.5, 0.5, 0.2]), []

  def validate(params):
    seen.append(jax.tree.map(np.asarray, params))
    return next(values)

  config = SASRecConfig(length=8, batch_size=2, steps=10, validations=4)
  params, rows = fit(MODEL, *cycle, config=config, validate=validate)
  assert [row["step"] for row in rows] == [2, 5, 7, 10]
  assert [row["value"] for row in rows] == [0.1, 0.5, 0.5, 0.2]
  # Of equals the earlier one.
  chex.assert_trees_all_equal(params, seen[1])
  assert not np.array_equal(
    sasrec.item_table(params), sasrec.item_table(seen[2])
  )


def test_validation_does_not_change_what_is_learned(cycle):
  config = SASRecConfig(length=8, batch_size=2, steps=10, validations=2)
  values = iter([0, 1])
  params, _ = fit(MODEL, *cycle, config=config, validate=lambda p: next(values))
  plain, _ = fit(MODEL, *cycle, config=config)
  chex.assert_trees_all_close(params, plain, rtol=1e-5, atol=1e-6)
