import numpy as np
from scipy import sparse

from gr_jax.candidates.sources.categories import (
  columns_of,
  finest_category,
  group_of_new,
  means_of,
)


def test_paths_that_differ_anywhere_are_categories_of_their_own():
  paths = np.array([[0, 1], [0, -1], [0, 1], [2, 1]], np.int32)
  found = finest_category(paths)
  assert found[0] == found[2]
  assert len({*found}) == 3
  np.testing.assert_array_equal(finest_category(paths[:, :0]), np.zeros(4))


def test_the_numbers_are_in_the_order_of_the_paths():
  rng = np.random.default_rng(0)
  for width, high in ((1, 4), (3, 5), (3, 2**31 - 1), (4, 40)):
    paths = rng.integers(-1, high, (300, width)).astype(np.int32)
    paths = paths[rng.integers(0, 300, 500)]
    _, expected = np.unique(paths, axis=0, return_inverse=True)
    np.testing.assert_array_equal(finest_category(paths), expected.reshape(-1))


def test_every_depth_has_a_column_and_the_finest_is_the_last():
  paths = np.array([[4, 1], [4, -1], [2, 0]], np.int32)
  finest = finest_category(paths)
  coarse, fine, last = columns_of(paths, finest, depths=2)
  np.testing.assert_array_equal(coarse, [5, 5, 3])
  np.testing.assert_array_equal(fine, [2, 0, 1])
  np.testing.assert_array_equal(last, finest)
  # A depth that the paths lack tells nothing.
  _, missing, last = columns_of(paths[:, :1], finest, depths=2)
  np.testing.assert_array_equal(missing, np.zeros(3))
  np.testing.assert_array_equal(last, finest)


def test_means_are_of_each_group_and_then_of_all():
  values = np.array([[1.0, 0], [3, 2], [8, 4]])
  group = np.array([0, 0, 2])
  expected = [[2, 1], [0, 0], [8, 4], [4, 2]]
  np.testing.assert_allclose(means_of(group, values), expected)
  found = means_of(group, sparse.csr_array(values)).toarray()
  np.testing.assert_allclose(found, expected)
  # Groups without a value have zeros.
  found = means_of(group, values, groups=4)
  np.testing.assert_allclose(found, [*expected[:3], [0, 0], expected[3]])


def test_a_new_item_joins_the_group_of_its_path_or_the_other():
  paths = np.array([[0, 1], [0, 2], [0, 1]])
  new = np.array([[0, 2], [5, 1], [0, 1]])
  found = group_of_new(paths, np.array([7, 3, 7]), new, other=9)
  np.testing.assert_array_equal(found, [3, 9, 7])
