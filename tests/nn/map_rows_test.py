import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn import map_rows


@pytest.mark.parametrize("rows", [1, 4, 7, 8, 9])
def test_slices_equal_one_call(rows):
  x = jnp.arange(rows * 3.0).reshape(rows, 3)
  tree = map_rows.map_rows(lambda x: (x + 1, x.sum(-1)), x, size=4)
  np.testing.assert_array_equal(tree[0], x + 1)
  np.testing.assert_array_equal(tree[1], x.sum(-1))
