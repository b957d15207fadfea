"""The score is linear in both vectors and its probability a sigmoid."""

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_score import click_probability, preference


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
