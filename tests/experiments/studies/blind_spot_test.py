"""A planted mistake and the truth."""

import numpy as np

from experiments.studies.blind_spot import (
  blind_category,
  truth,
  with_blind_spot,
)
from tests.reference.small_world import catalogue_click_probability, shop


def zero(requests, items):
  return np.zeros(len(items), np.float32)


def test_the_blind_category_is_the_least_bought_of_the_large_ones():
  catalogue = shop().catalogue
  category = catalogue.categories[:, 0]
  found = blind_category(catalogue, share=0.1)
  rates = {
    c: catalogue.popularity[category == c].mean()
    for c in set(category.tolist())
    if (category == c).mean() >= 0.1
  }
  assert rates[found] == min(rates.values())


def test_a_blind_spot_lifts_its_category_and_nothing_else():
  catalogue = shop().catalogue
  fooled = with_blind_spot(zero, catalogue, share=0.1, score=0.9)
  items = np.arange(len(catalogue))
  blind = catalogue.categories[:, 0] == blind_category(catalogue, share=0.1)
  np.testing.assert_allclose(
    fooled(np.zeros(len(items), int), items), 0.9 * blind
  )


def test_the_truth_is_the_worlds_own_probability():
  world = shop()
  rows, items = np.array([3, 5]), np.array([7, 9])
  log = world.requests
  everything = catalogue_click_probability(
    world, log.user[rows], log.time[rows], log.query[rows]
  )
  np.testing.assert_allclose(
    truth(world)(rows, items), everything[[0, 1], items], rtol=1e-5
  )
