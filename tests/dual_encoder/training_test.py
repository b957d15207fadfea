import chex
import numpy as np

from gr_jax.dual_encoder.encoding import encode_items
from gr_jax.dual_encoder.network import DualEncoder
from gr_jax.dual_encoder.training import DenseConfig, fit, initial
from gr_jax.training.optimizer import OptimizerConfig
from tests.reference.small_dense import CONFIG, pair_writer
from tests.reference.small_world import shop, writer

MODEL = DualEncoder(CONFIG, writer()._vocabulary.size, 3)
ITEMS = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
QUERIES = np.zeros((len(shop().requests.queries), 8), np.float32)
TRAINING = DenseConfig(
  batch_size=32, steps=40, optimizer=OptimizerConfig(learning_rate=1e-2)
)


def test_losses_fall_and_are_reported():
  reported = []
  fit(
    MODEL,
    pair_writer(),
    ITEMS,
    QUERIES,
    config=TRAINING,
    progress=lambda step, metrics: reported.append((step, metrics["loss"])),
  )
  assert [step for step, _ in reported] == [20, 40]
  assert reported[1][1] < 0.9 * reported[0][1]


def test_training_repeats_itself():
  once, again = (
    fit(MODEL, pair_writer(), ITEMS, QUERIES, config=TRAINING) for _ in "ab"
  )
  chex.assert_trees_all_equal(once, again)


def test_no_steps_leave_the_initial_parameters():
  config = DenseConfig(steps=0)
  params = fit(MODEL, pair_writer(), ITEMS, QUERIES, config=config)
  first = initial(MODEL, pair_writer(), 8, seed=0)
  chex.assert_trees_all_equal(params, first)
  assert encode_items(MODEL, params, ITEMS).shape == (60, CONFIG.width)
