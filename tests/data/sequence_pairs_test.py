"""Weights of pairs are the equation."""

import numpy as np

from gr_jax.data.sequence_pairs import following_pairs


def test_weights_are_the_equation_and_stay_within_a_sequence():
  found = following_pairs(
    np.array([0, 1, 2, 1, 0]),
    np.array([0, 0, 0, 1, 1]),
    size=3,
    window=2,
    backward=0.25,
  )
  # 0 1 2 in a row, then 1 0.
  expected = [
    [0, 1 + 0.25, 1 / 2],
    [0.25 + 1, 0, 1],
    [0.25 / 2, 0.25, 0],
  ]
  np.testing.assert_allclose(found.toarray(), expected)


def test_pairs_further_apart_than_the_window_do_not_count():
  found = following_pairs(
    np.array([0, 1, 2]), np.zeros(3, int), size=3, window=1
  )
  assert found[0, 2] == found[2, 0] == 0


def test_no_sequence_has_no_pair():
  nothing = np.zeros(0, int)
  assert following_pairs(nothing, nothing, size=2, window=3).nnz == 0
