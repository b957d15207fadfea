import numpy as np

from gr_jax.data.log_counts import log_counts


def test_entries_are_one_and_the_logarithm_of_counts():
  found = log_counts(
    np.array([2, 0, 2, 2, 2]), np.array([1, 3, 1, 0, 1]), shape=(3, 4)
  )
  expected = np.zeros((3, 4), np.float32)
  expected[0, 3] = expected[2, 0] = 1
  expected[2, 1] = 1 + np.log(np.float32(3))
  np.testing.assert_array_equal(found.toarray(), expected)
  assert found.dtype == np.float32
  assert found.nnz == 3


def test_nothing_has_nothing():
  none = np.zeros(0, np.int64)
  assert log_counts(none, none, shape=(2, 3)).nnz == 0
