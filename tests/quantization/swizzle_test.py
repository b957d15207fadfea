import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization.swizzle import swizzle, unswizzle

SHAPES = pytest.mark.parametrize(
  ("rows", "columns"), [(128, 4), (256, 12), (130, 5), (1, 1), (300, 64)]
)


@SHAPES
def test_every_scale_is_where_cublas_looks_for_it(rows, columns):
  scales = np.arange(1, rows * columns + 1).reshape(rows, columns)
  found = np.asarray(swizzle(jnp.asarray(scales)))
  across = -(-columns // 4)
  for r in range(rows):
    for c in range(0, columns, 3):
      tile = (r // 128) * across + c // 4
      inside = (r % 32) * 16 + (r % 128 // 32) * 4 + c % 4
      assert found[tile * 512 + inside] == scales[r, c]
  assert np.count_nonzero(found) == rows * columns


@SHAPES
def test_unswizzle_is_its_inverse(rows, columns):
  scales = jnp.arange(rows * columns, dtype=jnp.float32).reshape(rows, columns)
  scales = (scales % 448).astype(jnp.float8_e4m3fn)
  found = unswizzle(swizzle(scales), rows=rows, columns=columns)
  assert found.dtype == scales.dtype
  np.testing.assert_array_equal(found, scales)


def test_another_length_is_an_error():
  with pytest.raises(ValueError, match=r"2 x 2 tiles of 512; got shape \(1536"):
    unswizzle(jnp.zeros(1536), rows=130, columns=5)
