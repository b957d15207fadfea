"""What all formats of blocks are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization.e2m1 import GRID
from gr_jax.quantization.formats import E2M1, block_max, divide, exact, live

X = np.random.default_rng(0).normal(size=20_000).astype(np.float32)


def test_a_quotient_is_rounded_once():
  """By a constant, by one number for all and by one for each."""
  by = np.float32(1.7)
  np.testing.assert_array_equal(jax.jit(lambda x: divide(x, by))(X), X / by)
  run = jax.jit(divide)
  np.testing.assert_array_equal(run(X, jnp.float32(6)), X / np.float32(6))
  each = np.abs(X[::-1])
  np.testing.assert_array_equal(run(X, each), X / each)


def test_a_quotient_of_nothing_has_no_sign_of_its_own():
  assert np.isnan(divide(jnp.float32(0), jnp.float32(0)))
  np.testing.assert_array_equal(divide(jnp.array([2.0, -2.0]), 0.0),
                                [np.inf, -np.inf])  # fmt: skip


def test_an_exact_quotient_is_not_turned_over():
  """`1 / (c / x)` rounds twice, `x / c` once: they differ in some."""
  c = np.float32(6)
  found = jax.jit(lambda x: 1 / exact(c / x))(X)
  twice = (np.float32(1) / (c / X)).astype(np.float32)
  np.testing.assert_array_equal(found, twice)
  assert (twice != X / c).mean() > 0.01


def test_the_largest_of_a_block_is_a_magnitude():
  blocks = np.zeros((2, 3, 16), np.float32)
  blocks[0, 1, 5], blocks[1, 2, 0], blocks[1, 0, 3] = -4, 3, np.nan
  found = np.asarray(block_max(jnp.asarray(blocks)))
  assert found.shape == (2, 3)
  assert (found[0] == [0, 4, 0]).all()
  assert np.isnan(found[1, 0])
  assert (found[1, 1:] == [0, 3]).all()


@pytest.mark.parametrize("largest", [6.0, 448.0 * 6])
def test_what_is_too_small_to_divide_counts_as_the_largest(largest):
  least = np.float32(largest * 2.0**-100)
  below = np.nextafter(least, np.float32(0))
  given = np.array([0, below, least, 1, np.inf, np.nan], np.float32)
  found = np.asarray(live(jnp.asarray(given), largest=largest))
  np.testing.assert_array_equal(found[:2], np.float32(largest))
  np.testing.assert_array_equal(found[2:], given[2:])


def test_the_grid_of_four_bits_is_one_of_its_codes_and_numbers():
  codes = jnp.arange(16)
  numbers = E2M1.decode(codes)
  np.testing.assert_array_equal(np.abs(numbers), GRID * 2)
  np.testing.assert_array_equal(E2M1.encode(numbers), codes)
  rounded = E2M1.round(jnp.asarray(X))
  np.testing.assert_array_equal(E2M1.decode(E2M1.encode(rounded)), rounded)
  drawn = E2M1.round_stochastically(jnp.asarray(X), jax.random.key(0))
  assert np.isin(np.abs(drawn), GRID).all()
  # Never further than the step of the grid, and not always the nearest.
  assert np.abs(drawn - X).max() <= 2
  assert (np.asarray(drawn) != np.asarray(rounded)).mean() > 0.05
