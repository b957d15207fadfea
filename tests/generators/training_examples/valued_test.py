import numpy as np
import pytest

from gr_jax.data.requests import CLICKED, ORDERED, TRAIN
from gr_jax.generators.training_examples.single import group_targets
from gr_jax.generators.training_examples.valued import (
  WeightsConfig,
  target_values,
  with_values,
)
from tests.reference.small_world import shop


def valued(**options):
  requests = shop().requests
  groups = group_targets(requests, split=TRAIN)
  config = WeightsConfig(**options)
  return requests, with_values(groups, requests, config=config)


def test_the_value_of_a_target_is_the_largest_of_its_page():
  requests, groups = valued()
  for request, item, value in zip(groups.request, groups.item, groups.value):
    page = slice(*requests.page_offsets[request : request + 2])
    own = (requests.page_item[page] == item) & (
      requests.page_kind[page] >= CLICKED
    )
    assert value == requests.page_value[page][own].max()


def test_orders_count_as_much_more_as_they_are_given():
  requests, groups = valued(ordered=3.0)
  bought = requests.page_kind == ORDERED
  pairs = set(
    zip(requests.page_request[bought], requests.page_item[bought], strict=True)
  )
  ordered = np.array(
    [pair in pairs for pair in zip(groups.request, groups.item)]
  )
  assert ordered.any()
  high, low = groups.weight[ordered], groups.weight[~ordered]
  np.testing.assert_allclose(high / low[0], 3, rtol=1e-6)
  np.testing.assert_allclose(groups.weight.mean(), 1, rtol=1e-5)


def test_users_who_bring_more_count_more_if_an_exponent_says_so():
  requests, alike = valued()
  _, groups = valued(user_exponent=0.5)
  assert np.ptp(alike.weight) == 0
  worth = np.zeros(len(requests.user_ids))
  user = requests.user[groups.request]
  np.add.at(worth, user, groups.value)
  rich, poor = worth.argmax(), worth[np.unique(user)].min()
  poor = np.flatnonzero(worth == poor)
  assert groups.weight[user == rich][0] > groups.weight[np.isin(user, poor)][0]


def test_values_are_those_of_the_training_period():
  requests, groups = valued()
  values = target_values(requests)
  assert len(values) >= len(groups.value)
  np.testing.assert_allclose(values.max(), groups.value.max())


@pytest.mark.parametrize(
  "wrong", [{"clicked": -1.0}, {"ordered": np.nan}, {"user_exponent": np.inf}]
)
def test_weights_that_mean_nothing_are_named(wrong):
  ((name, value),) = wrong.items()
  with pytest.raises(ValueError, match=f"{name} is {value}"):
    WeightsConfig(**wrong)
