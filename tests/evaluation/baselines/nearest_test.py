import numpy as np

from gr_jax.evaluation.baselines import nearest
from tests.reference.plain_lists import from_lists

VECTORS = np.array([[1.0, 0], [0, 3], [1, 1], [0, 0]])
STATE = nearest.fit(VECTORS, np.array([1, 2, 3, 4]))


def test_the_cosine_orders_and_length_does_not_matter():
  ranked = nearest.rank(STATE, np.array([[0.1, 0], [9, 10.0]]), k=4)
  assert ranked.tolist() == [[0, 2, 3, 1], [2, 1, 0, 3]]


def test_a_zero_vector_leaves_the_popular_items():
  ranked = nearest.rank(STATE, np.zeros((1, 2)), k=4)
  assert ranked.tolist() == [[3, 2, 1, 0]]


def test_a_history_is_the_mean_of_its_newest_items():
  histories = from_lists([[0, 1, 1, 2], [], [2]])
  vectors = nearest.history_vectors(VECTORS, histories, last=3)
  np.testing.assert_allclose(
    vectors, [[(0 + 0 + 1) / 3, (3 + 3 + 1) / 3], [0, 0], [1, 1]], rtol=1e-6
  )
