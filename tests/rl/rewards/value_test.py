import dataclasses

import numpy as np
import pytest

from gr_jax.rl.rewards.value import value_reward
from tests.reference.small_world import shop


def clicks(requests, items):
  return 1.0 / (1 + items + requests)


def test_a_showing_is_worth_its_chance_of_a_click_times_what_one_pays():
  catalogue = shop().catalogue
  requests, items = np.array([0, 1]), np.array([3, 4])
  np.testing.assert_allclose(
    value_reward(clicks, catalogue)(requests, items),
    clicks(requests, items) * catalogue.values[items],
  )


def test_what_has_no_value_is_worth_the_mean_of_the_others():
  catalogue = shop().catalogue
  values = catalogue.values.copy()
  values[3] = 0
  catalogue = dataclasses.replace(catalogue, values=values)
  found = value_reward(clicks, catalogue)(np.array([0]), np.array([3]))
  np.testing.assert_allclose(found, 0.25 * np.delete(values, 3).mean())


def test_what_is_free_is_worth_nothing():
  catalogue = shop().catalogue
  values, free = catalogue.values.copy(), np.zeros(len(catalogue), bool)
  values[3], free[3] = 0, True
  catalogue = dataclasses.replace(catalogue, values=values, free=free)
  assert catalogue.priced[3]
  assert value_reward(clicks, catalogue)(np.array([0]), np.array([3])) == [0]


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_catalogue_without_values_is_refused(low):
  catalogue = shop().catalogue
  values = np.full_like(catalogue.values, low)
  catalogue = dataclasses.replace(catalogue, values=values)
  with pytest.raises(ValueError, match="a value reward needs values above 0"):
    value_reward(clicks, catalogue)
