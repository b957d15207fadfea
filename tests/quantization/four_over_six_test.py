import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import quantize
from gr_jax.quantization.four_over_six import (
  UNBIASED,
  FourOverSix,
  Six,
  absolute,
  squared,
)
from tests.reference.quantized import matrices, there_and_back

X = jax.random.normal(jax.random.key(0), (64, 256))


def block_errors(format, error):
  found = quantize.restore(matrices(X, format))
  return error(found - X.reshape(found.shape)).sum(axis=-1)


@pytest.mark.parametrize("e4m3_max", [256, 448])
@pytest.mark.parametrize("error", [squared, absolute])
def test_no_block_s_error_is_above_that_of_six(error, e4m3_max):
  chosen = block_errors(FourOverSix(error, e4m3_max), error)
  six = block_errors(Six(e4m3_max), error)
  # The tensor scale and the error are rounded apart.
  assert (chosen <= six * (1 + 1e-5)).all()
  assert (chosen < 0.9 * six).mean() > 0.1


def test_the_two_errors_choose_differently():
  by_square = matrices(X, FourOverSix(squared))
  by_size = matrices(X, FourOverSix(absolute))
  assert np.mean(by_square.scales != by_size.scales) > 0.02


def test_a_block_that_four_fits_is_exact():
  """1, 2, 3 and 4 have their codes; scaled to 6, 3 is in the middle."""
  x = jnp.tile(jnp.array([1.0, 2.0, 3.0, 4.0]), 8).reshape(2, 16)
  x = x.at[1].set(6.0)
  found = there_and_back(x, FourOverSix())
  np.testing.assert_allclose(found, x, rtol=1e-6)


def test_with_the_unbiased_share_nothing_leaves_the_grid():
  def largest(share):
    seen = []
    quantize.round_matrices(
      X, Six(448, share), round=lambda x: seen.append(x) or x
    )
    return np.abs(seen[0]).max()

  assert largest(UNBIASED) <= 6 * (1 + 1e-6)
  assert largest(1.0) > 6.1


def test_stochastic_rounding_is_unbiased_with_the_share_and_not_without():
  def bias(share):
    format = Six(448, share)

    def draw(key):
      rounded = quantize.round_matrices(
        X, format, round=lambda x: format.grid.round_stochastically(x, key)
      )
      return quantize.restore(rounded).reshape(X.shape)

    keys = jax.random.split(jax.random.key(1), 128)
    mean = jax.jit(lambda keys: jnp.mean(jax.lax.map(draw, keys), axis=0))
    return float(jnp.sum((mean(keys) - X) * X) / jnp.sum(X * X))

  # The share of itself that a number loses: 3e-3 where blocks are clipped.
  assert abs(bias(UNBIASED)) < 8e-4
  assert bias(1.0) < -1e-3
