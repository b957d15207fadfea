import numpy as np

from gr_jax.evaluation.baselines import popularity
from gr_jax.evaluation.baselines.top_items import popularity_order
from tests.reference.plain_lists import from_lists


def test_everybody_gets_the_most_bought_items():
  order = popularity_order(np.array([2, 9, 4]))
  ranked = popularity.rank(order, 2, k=4)
  assert ranked.tolist() == [[1, 2, 0, -1]] * 2


def test_hidden_items_make_room_for_the_next():
  order = popularity_order(np.array([2, 9, 4, 1]))
  hidden = from_lists([[1, 2], [], [3, 3]])
  ranked = popularity.rank(order, 3, k=2, exclude=hidden)
  assert ranked.tolist() == [[0, 3], [1, 2], [1, 2]]
