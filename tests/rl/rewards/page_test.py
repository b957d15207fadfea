import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED
from gr_jax.rl.rewards import page
from gr_jax.tokenizers.semantic_ids import SemanticIds
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
  """systems.md 1.7, invariant 6."""
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


def shared_ids():
  """Items 0 to 5 under three IDs: {0, 3}, {1}, {2, 4, 5}."""
  codes = np.array([[0, 0], [0, 1], [1, 0], [0, 0], [1, 0], [1, 0]])
  return SemanticIds(codes, (2, 2))


def tenth(requests, items):
  return (items / 10 + requests).astype(np.float32)


@pytest.mark.parametrize(
  ("function", "expected"),
  [
    (page.best_of_items, [[0.3, 0.5], [0.0, 1.1], [2.5, 2.5]]),
    (page.mean_of_items, [[0.15, 11 / 30], [0.0, 1.1], [71 / 30, 71 / 30]]),
  ],
)
def test_an_id_is_worth_what_its_items_are(function, expected):
  ids = np.array([[0, 2], [-1, 1], [2, 2]])
  found = function(tenth, shared_ids())(np.arange(3), ids)
  np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ids_that_name_nothing_are_worth_nothing():
  id_reward = page.best_of_items(page.validity, shared_ids())
  ids = np.array([[0, -1, 2], [-1, -1, -1]])
  found = id_reward(np.zeros(2, int), ids)
  np.testing.assert_array_equal(found, [[1, 0, 1], [0, 0, 0]])


@given(SEEDS)
def test_rewards_of_ids_stay_among_the_four_values(seed):
  rng = np.random.default_rng(seed)
  id_reward = page.best_of_items(
    page.PageReward(shop().requests), semantic_ids()
  )
  ids = rng.integers(-1, semantic_ids().num_ids, (5, 8))
  found = id_reward(rng.integers(0, 400, 5), ids)
  assert set(np.round(found.ravel().tolist(), 6)) <= {0, 0.1, 0.5, 1}
  np.testing.assert_array_equal(found == 0, ids < 0)


def test_a_shut_gate_takes_the_whole_reward():
  """systems.md 3.7, invariant 5."""
  gate = lambda requests, items: (items % 2 == 0).astype(np.float32)  # noqa: E731
  hybrid = page.product([tenth, gate])
  requests, items = np.zeros(4, int), np.array([1, 2, 3, 4])
  np.testing.assert_allclose(hybrid(requests, items), [0, 0.2, 0, 0.4])
