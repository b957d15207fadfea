import numpy as np
import pytest

from gr_jax.rl.rewards import items
from gr_jax.tokenizers.semantic_ids import SemanticIds


def shared_ids():
  """Items 0 to 5 under three IDs: {0, 3}, {1}, {2, 4, 5}."""
  codes = np.array([[0, 0], [0, 1], [1, 0], [0, 0], [1, 0], [1, 0]])
  return SemanticIds(codes, (2, 2))


def tenth(requests, rows):
  return (rows / 10 + requests).astype(np.float32)


@pytest.mark.parametrize(
  ("function", "expected"),
  [
    (items.best_of_items, [[0.3, 0.5], [0.0, 1.1], [2.5, 2.5]]),
    (items.mean_of_items, [[0.15, 11 / 30], [0.0, 1.1], [71 / 30, 71 / 30]]),
  ],
)
def test_an_id_is_worth_what_its_items_are(function, expected):
  ids = np.array([[0, 2], [-1, 1], [2, 2]])
  found = function(tenth, shared_ids())(np.arange(3), ids)
  np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ids_that_name_nothing_are_worth_nothing():
  id_reward = items.best_of_items(items.validity, shared_ids())
  ids = np.array([[0, -1, 2], [-1, -1, -1]])
  found = id_reward(np.zeros(2, int), ids)
  np.testing.assert_array_equal(found, [[1, 0, 1], [0, 0, 0]])


def test_a_shut_gate_takes_the_whole_reward():
  gate = lambda requests, rows: (rows % 2 == 0).astype(np.float32)  # noqa: E731
  hybrid = items.product([tenth, gate])
  requests, rows = np.zeros(4, int), np.array([1, 2, 3, 4])
  np.testing.assert_allclose(hybrid(requests, rows), [0, 0.2, 0, 0.4])
