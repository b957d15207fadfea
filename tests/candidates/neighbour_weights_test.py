import numpy as np

from gr_jax.candidates.neighbour_weights import neighbour_weights


def test_weights_are_a_softmax_over_what_is_alike():
  cosines = np.array([[0.9, 0.8, -0.2], [0.5, 0.0, 0.5], [-0.1, 0.0, -0.3]])
  found = neighbour_weights(cosines, 0.05)
  odds = np.exp(-0.1 / 0.05)
  expected = [[1 / (1 + odds), odds / (1 + odds), 0], [0.5, 0, 0.5], [0, 0, 0]]
  np.testing.assert_allclose(found, expected, rtol=1e-9)
