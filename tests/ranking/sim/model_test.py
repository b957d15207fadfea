import functools

import jax
import numpy as np

from gr_jax.evaluation.calibration import Platt
from gr_jax.ranking.impressions import page_impressions
from gr_jax.ranking.sim.features import PairWriter, look_up, make_tables
from gr_jax.ranking.sim.history_search import soft_search
from gr_jax.ranking.sim.model import PreferenceConfig, PreferenceModel
from gr_jax.ranking.sim.network import NetworkConfig, PreferenceNetwork
from gr_jax.rl.rewards.items import mean_of_items
from tests.reference.small_world import semantic_ids, shop

CONFIG = PreferenceConfig(
  network=NetworkConfig(search=soft_search, kept=3, width=8, hidden=(8,)),
  window=6,
  batch_size=16,
)


@functools.cache
def model():
  world = shop()
  tables = make_tables(world.catalogue, world.items.x, world.query_x, depth=2)
  writer = PairWriter(world.requests, CONFIG.window)
  pairs = writer(np.arange(2), np.arange(2))
  network = PreferenceNetwork(CONFIG.network)
  params = jax.jit(network.init)(jax.random.key(0), look_up(tables, pairs))
  return PreferenceModel(params, Platt(2.0, -1.0), writer, tables, CONFIG)


def test_scores_do_not_depend_on_what_is_scored_with_them():
  rng = np.random.default_rng(0)
  requests, items = rng.integers(0, 400, 37), rng.integers(0, 60, 37)
  whole = model()(requests, items)
  for k in (0, 15, 16, 36):
    alone = model()(requests[k : k + 1], items[k : k + 1])
    np.testing.assert_allclose(alone, whole[k : k + 1], atol=1e-5)


def test_scores_are_the_calibrated_logits():
  rows = page_impressions(shop().requests, np.arange(5), num_items=60)
  logits = model().logits(rows.requests, rows.items)
  expected = 1 / (1 + np.exp(1 - 2 * logits))
  found = model()(rows.requests, rows.items)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_no_pairs_have_no_scores():
  assert model()(np.zeros(0, int), np.zeros(0, int)).shape == (0,)


def test_a_model_is_a_reward():
  reward = mean_of_items(model(), semantic_ids())
  ids = np.array([[0, 1, -1], [2, 2, 3]])
  found = reward(np.array([7, 9]), ids)
  assert found[0, 2] == 0
  assert found[1, 0] == found[1, 1]
  item = semantic_ids().items[:1]
  np.testing.assert_allclose(found[0, 0], model()(np.array([7]), item)[0])


def test_quality_names_its_figures():
  rows = page_impressions(shop().requests, np.arange(50), num_items=60)
  found = model().quality(rows)
  assert set(found) == {
    f"preference/{x}" for x in ("auc", "gauc", "calibration_error", "rows")
  }
  assert np.isfinite([*found.values()]).all()
