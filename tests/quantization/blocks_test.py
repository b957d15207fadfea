import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization.blocks import Runs, Tiles

X = jnp.arange(2 * 32 * 48.0).reshape(2, 32, 48)


@pytest.mark.parametrize("blocks", [Runs(16), Tiles(16)])
def test_join_is_the_inverse_of_cut(blocks):
  np.testing.assert_array_equal(blocks.join(blocks.cut(X)), X)


def test_runs_are_neighbors_of_a_row():
  found = Runs(16).cut(X)
  np.testing.assert_array_equal(found[1, 3, 2], X[1, 3, 32:48])


def test_tiles_are_squares():
  found = Tiles(16).cut(X)
  assert found.shape == (2, 2, 3, 256)
  np.testing.assert_array_equal(
    found[1, 1, 2].reshape(16, 16), X[1, 16:32, 32:48]
  )


def test_each_row_of_a_tile_gets_its_scale():
  scales = jnp.arange(2 * 2 * 3.0).reshape(2, 2, 3)
  found = Tiles(16).rows_of_scales(scales)
  assert found.shape == (2, 32, 3)
  np.testing.assert_array_equal(found[1, 16:, 2], jnp.full(16, scales[1, 1, 2]))


def test_what_does_not_divide_is_an_error():
  with pytest.raises(ValueError, match="48 columns are no multiple of the"):
    Runs(32).cut(X)
  with pytest.raises(ValueError, match="32 rows are no multiple of the block"):
    Tiles(24).cut(X)
