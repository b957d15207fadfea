"""Training in a world where the probability of every click is known."""

import dataclasses
import functools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from gr_jax.data.requests import TRAIN, VALID
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_world import generate
from gr_jax.evaluation.auc import auc, grouped_auc
from gr_jax.ranking.impressions import page_impressions
from gr_jax.ranking.sim.features import make_tables
from gr_jax.ranking.sim.model import PreferenceConfig
from gr_jax.ranking.sim.network import NetworkConfig
from gr_jax.ranking.sim.training import (
  fit_preference,
  sample_in_order,
  split_training,
)

CONFIG = PreferenceConfig(
  network=NetworkConfig(kept=10, width=16, hidden=(32,)),
  window=40,
  epochs=3,
  batch_size=256,
  learning_rate=5e-3,
)


@functools.cache
def world():
  return generate(
    ShopWorldConfig(
      num_items=300,
      num_users=60,
      num_requests=2500,
      num_categories=6,
      clusters_each=4,
      dimensions=8,
      bias=-3.5,
    ),
    seed=0,
  )


@functools.cache
def fitted():
  shop = world()
  tables = make_tables(shop.catalogue, shop.items.x, shop.query_x, depth=2)
  return fit_preference(shop.requests, tables, config=CONFIG)


@functools.cache
def validation():
  log = world().requests
  rows = page_impressions(
    log, np.flatnonzero(log.split == VALID), num_items=300
  )
  truth = world().click_probability(
    log.user[rows.requests],
    log.time[rows.requests],
    log.query[rows.requests],
    rows.items[:, None],
  )
  return rows, truth[:, 0]


def test_most_of_what_can_be_known_is_learned():
  """The oracle's own AUC is the bound; popularity alone is far below."""
  rows, truth = validation()
  found = fitted().quality(rows)
  best = auc(truth, rows.labels)
  popular = world().catalogue.popularity[rows.items]
  assert best - 0.05 < found["preference/auc"] <= best + 0.01
  assert found["preference/auc"] > auc(popular, rows.labels) + 0.05
  bound = grouped_auc(truth, rows.labels, rows.requests)
  assert found["preference/gauc"] > bound - 0.06


def test_scores_are_probabilities_of_a_click():
  rows, truth = validation()
  found = fitted()(rows.requests, rows.items)
  assert ((found > 0) & (found < 1)).all()
  assert np.corrcoef(found, truth)[0, 1] > 0.8
  assert abs(found.mean() - truth.mean()) < 0.05
  assert fitted().quality(rows)["preference/calibration_error"] < 0.06


def test_only_training_requests_are_fitted_on_and_the_latest_calibrate():
  log = world().requests
  early, late = split_training(log, 0.1)
  both = np.sort(np.concatenate((early, late)))
  np.testing.assert_array_equal(both, np.flatnonzero(log.split == TRAIN))
  assert log.time[early].max() <= log.time[late].min()
  np.testing.assert_allclose(len(late) / len(both), 0.1, atol=1e-3)


def test_a_share_that_leaves_nothing_is_refused():
  with pytest.raises(ValueError, match="calibration_share"):
    split_training(world().requests, 0.0)


@hypothesis.given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 9))
def test_a_sample_keeps_the_order_and_its_size(n, count, seed):
  rows = np.arange(n) * 3
  found = sample_in_order(rows, count, seed=seed)
  assert len(found) == (min(n, count) if count else n)
  assert (np.diff(found) > 0).all()
  assert np.isin(found, rows).all()


def test_fewer_requests_are_read_where_that_is_said():
  log = world().requests
  early, late = split_training(log, 0.25, most=80)
  assert (len(early), len(late)) == (60, 20)
  assert log.time[early].max() <= log.time[late].min()


def test_every_step_is_reported():
  shop = world()
  tables = make_tables(shop.catalogue, shop.items.x, shop.query_x, depth=2)
  config = dataclasses.replace(CONFIG, max_requests=200, epochs=2)
  reported = []
  fit_preference(
    shop.requests,
    tables,
    config=config,
    progress=lambda done, total: reported.append((done, total)),
  )
  assert [done for done, _ in reported] == list(range(1, reported[0][1] + 1))
