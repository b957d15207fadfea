"""The log: queries are words of the intent, times never repeat."""

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import make_items
from gr_jax.data.worlds.shop_log import (
  click_probability,
  draw_log,
  period_of,
  preference,
  query_vectors,
)
from gr_jax.data.worlds.shop_users import make_users

CONFIG = ShopWorldConfig(
  num_items=300,
  num_users=30,
  num_requests=400,
  num_categories=5,
  dimensions=8,
  days=20,
  bias=-3.0,
  appeal=0.0,
)


def _world():
  rng = np.random.default_rng(0)
  items = make_items(rng, CONFIG)
  mass = np.bincount(items.cluster, items.popularity, minlength=100)
  users = make_users(rng, CONFIG, mass)
  return items, draw_log(rng, CONFIG, items, users)


def test_times_rise_and_queries_hold_distinct_words():
  _, log = _world()
  assert len(log.user) == CONFIG.num_requests
  assert (np.diff(log.time) > 0).all()
  for words in log.query.tolist():
    n = sum(word >= 0 for word in words)
    assert all(word >= 0 for word in words[:n])
    assert len(set(words[:n])) == n
  assert {1, 2, 3} <= set((log.query >= 0).sum(1).tolist())


def test_pages_are_of_one_category_and_filled_from_the_front():
  items, log = _world()
  shown = log.page_item >= 0
  assert (np.diff(shown.astype(int), axis=1) <= 0).all()
  assert (log.page_kind[~shown] == 0).all()
  category = items.category[log.page_item]
  assert (category == category[:, :1])[shown].all()


def test_periods_cover_the_log():
  periods = period_of(_world()[1].time, CONFIG)
  assert periods.min() == 0
  assert periods.max() <= -(-CONFIG.days // CONFIG.period_days)
  assert (np.diff(periods) >= 0).all()


def test_a_query_is_the_mean_of_its_words():
  word_x = np.array([[1.0, 0.0], [0.0, 4.0]], np.float32)
  query = np.array([[0, 1, -1, -1], [1, -1, -1, -1], [-1, -1, -1, -1]])
  np.testing.assert_allclose(
    query_vectors(query, word_x), [[0.5, 2], [0, 4], [0, 0]]
  )


def test_preference_is_the_weighted_sum():
  config = ShopWorldConfig(interest=2.0, relevance=3.0)
  x, q = np.array([[1.0, 0.0]]), np.array([[0.5, 1.0]])
  np.testing.assert_allclose(preference(x, q, config), [[3.5, 3.0]])


def test_probability_is_the_sigmoid_and_never_overflows():
  config = ShopWorldConfig(bias=-1.0)
  dots, appeal = np.array([0.0, 1.0, -900.0, 900.0]), np.array([0, 2, 0, 0])
  expected = [1 / (1 + np.e), 1 / (1 + np.exp(-2)), 0, 1]
  np.testing.assert_allclose(
    click_probability(dots, appeal, config), expected, atol=1e-12
  )
