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


def test_a_whole_history_is_the_mean_of_all_its_items():
  histories = from_lists([[2] + [0] * 10 + [1] * 9, []])
  vectors = nearest.history_vectors(VECTORS, histories, last=None)
  np.testing.assert_allclose(vectors, [[11 / 20, 28 / 20], [0, 0]], rtol=1e-6)


def test_a_unit_vector_keeps_its_direction_and_zero_stays_zero():
  vectors = nearest.unit(np.array([[3.0, 4], [0, 0]]))
  np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 0]], rtol=1e-6)
  assert vectors.dtype == np.float32
