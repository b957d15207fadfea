import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import quantize
from gr_jax.quantization.blocks import Tiles
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.nvfp4 import Torchao
from tests.reference.quantized import KINDS, rows, there_and_back

X = jax.random.normal(jax.random.key(0), (32, 64))


@pytest.mark.parametrize("mode", KINDS)
def test_a_row_s_numbers_do_not_depend_on_other_rows(mode):
  both = rows(X, MODES[mode])
  alone = rows(X[3:4], MODES[mode])
  for many, one in zip(both, alone):
    np.testing.assert_array_equal(many[3:4], one)


def test_rows_of_very_different_sizes_are_all_kept():
  sizes = jnp.exp2(jnp.linspace(-60, 60, 32))[:, None]
  rounded = rows(sizes * X, Torchao())
  found = quantize.restore(rounded).reshape(X.shape) / sizes
  assert float(jnp.mean(jnp.square(found - X))) < 0.012


def test_tiles_serve_the_transposed_matrix():
  square = X[:, :32]
  once = there_and_back(square, Torchao(), blocks=Tiles(16))
  turned = there_and_back(square.T, Torchao(), blocks=Tiles(16))
  np.testing.assert_array_equal(once, turned.T)
  runs = there_and_back(square, Torchao())
  turned = there_and_back(square.T, Torchao())
  assert (runs != turned.T).mean() > 0.1


def test_bfloat16_is_what_its_float32_is():
  x = X.astype(jnp.bfloat16)
  np.testing.assert_array_equal(
    there_and_back(x, Torchao()),
    there_and_back(x.astype(jnp.float32), Torchao()),
  )
