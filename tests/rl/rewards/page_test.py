import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED
from gr_jax.rl.rewards import page
from gr_jax.rl.rewards.items import best_of_items
from tests.reference.small_world import semantic_ids, shop

SEEDS = st.integers(0, 2**31 - 1)


def page_kinds(request):
  """Every kind under which an item stands on the page of a request."""
  log = shop().requests
  page = slice(log.page_offsets[request], log.page_offsets[request + 1])
  kinds = {}
  for item, kind in zip(log.page_item[page], log.page_kind[page]):
    kinds.setdefault(int(item), set()).add(int(kind))
  return kinds


def test_the_page_reward_is_the_first_match():
  reward = page.PageReward(shop().requests)
  everything = np.arange(60)
  seen = set()
  for request in range(0, 400, 7):
    found = reward(np.full(60, request), everything)
    kinds = page_kinds(request)
    for item in range(60):
      of_item = kinds.get(item, set())
      seen |= of_item
      expected = (
        1.0 if ORDERED in of_item
        else 1.0 if CLICKED in of_item
        else 0.5 if EXPOSED in of_item
        else 0.1
      )  # fmt: skip
      np.testing.assert_allclose(found[item], expected)
  assert seen == {EXPOSED, CLICKED, ORDERED}


def test_the_values_of_the_page_reward_can_be_chosen():
  config = page.PageRewardConfig(4.0, 3.0, 2.0, 1.0)
  reward = page.PageReward(shop().requests, config)
  log = shop().requests
  found = reward(log.page_request, log.page_item)
  expected = {ORDERED: 4.0, CLICKED: 3.0, EXPOSED: 2.0}
  assert found.tolist() == [expected[k] for k in log.page_kind.tolist()]


def test_an_item_that_is_on_no_page_of_the_log_is_only_valid():
  reward = page.PageReward(shop().requests)
  np.testing.assert_allclose(reward(np.array([0]), np.array([10**6])), [0.1])


@given(SEEDS)
def test_rewards_of_ids_stay_among_the_four_values(seed):
  rng = np.random.default_rng(seed)
  id_reward = best_of_items(page.PageReward(shop().requests), semantic_ids())
  ids = rng.integers(-1, semantic_ids().num_ids, (5, 8))
  found = id_reward(rng.integers(0, 400, 5), ids)
  assert set(np.round(found.ravel().tolist(), 6)) <= {0, 0.1, 0.5, 1}
  np.testing.assert_array_equal(found == 0, ids < 0)


def test_of_an_item_that_is_on_a_page_twice_the_best_kind_counts():
  """Item 3 was ordered and shown again, item 5 shown and then clicked."""
  log = shop().requests
  offsets = np.full(len(log) + 1, 5)
  offsets[0] = 0
  twice = dataclasses.replace(
    log,
    page_offsets=offsets,
    page_item=np.array([3, 5, 3, 5, 4], np.int32),
    page_kind=np.array([ORDERED, EXPOSED, EXPOSED, CLICKED, EXPOSED], np.int8),
    page_value=np.zeros(5, np.float32),
  )
  config = page.PageRewardConfig(4.0, 3.0, 2.0, 1.0)
  found = page.PageReward(twice, config)(
    np.array([0, 0, 0, 0, 1]), np.array([3, 5, 4, 6, 3])
  )
  assert found.tolist() == [4.0, 3.0, 2.0, 1.0, 1.0]
