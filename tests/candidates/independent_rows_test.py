"""Rows are multiplied alone as among others, to the last digit."""

import numpy as np
import pytest

from gr_jax.candidates.independent_rows import FEW, rows_times


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("width", "columns"), [(64, 777), (257, 300)])
def test_a_row_alone_is_the_row_among_others(dtype, width, columns):
  rng = np.random.default_rng(0)
  rows = rng.normal(size=(FEW, width)).astype(dtype)
  # As the vectors of items lie: a transposed view.
  matrix = rng.normal(size=(columns, width)).astype(dtype).T
  together = rows_times(rows, matrix)
  np.testing.assert_allclose(together, rows @ matrix, rtol=1e-4, atol=1e-4)
  for some in ([0], [5], [63, 1], range(3, 20)):
    np.testing.assert_array_equal(
      rows_times(rows[list(some)], matrix), together[list(some)]
    )


@pytest.mark.parametrize("n", [0, FEW + 1])
def test_none_and_many_are_multiplied_at_once(n):
  rows, matrix = np.ones((n, 4)), np.arange(12.0).reshape(4, 3)
  np.testing.assert_array_equal(rows_times(rows, matrix), rows @ matrix)
