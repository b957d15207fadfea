import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import quantizers

residual_quantize = jax.jit(quantizers.residual_quantize)
SEEDS = st.integers(0, 2**31 - 1)


def draw(seed, rows=9, width=5, sizes=(4, 6, 3)):
  rng = np.random.default_rng(seed)
  x = rng.normal(size=(rows, width)).astype(np.float32)
  books = tuple(
    jnp.asarray(rng.normal(size=(c, width)), jnp.float32) for c in sizes
  )
  return jnp.asarray(x), books


@given(SEEDS)
def test_residuals_and_chosen_rows_add_up_to_the_input(seed):
  x, books = draw(seed)
  found = residual_quantize(x, books)
  chex.assert_shape(found.codes, (9, 3))
  chex.assert_shape([found.residuals, found.chosen], (3, 9, 5))
  left = found.residuals[-1] - found.chosen[-1]
  np.testing.assert_allclose(found.quantized + left, x, atol=1e-5)
  np.testing.assert_allclose(
    quantizers.sum_codes(found.codes, books), found.quantized, atol=1e-6
  )


def test_straight_through_has_the_value_of_one_and_the_gradient_of_other():
  z, quantized = jnp.array([1.0, 2.0]), jnp.array([3.0, 5.0])
  value, grad = jax.value_and_grad(
    lambda z: jnp.sum(quantizers.straight_through(z, quantized) ** 2)
  )(z)
  np.testing.assert_allclose(value, 9 + 25)
  np.testing.assert_allclose(grad, 2 * quantized)


def test_commitment_moves_the_latent_only_and_codebook_loss_the_rows_only():
  x, books = draw(0)

  def losses(which):
    return lambda x, books: which(quantizers.residual_quantize(x, books))

  commit = jax.grad(losses(quantizers.commitment_loss), (0, 1))(x, books)
  rows = jax.grad(losses(quantizers.codebook_loss), (0, 1))(x, books)
  found = residual_quantize(x, books)
  gaps = np.asarray(found.residuals - found.chosen)
  np.testing.assert_allclose(commit[0], 2 * gaps.sum(0) / 9, rtol=1e-4)
  assert not any(np.asarray(g).any() for g in commit[1])
  assert not np.asarray(rows[0]).any()
  expected = np.zeros((4, 5))
  np.add.at(expected, np.asarray(found.codes[:, 0]), -2 * gaps[0] / 9)
  np.testing.assert_allclose(rows[1][0], expected, rtol=1e-4, atol=1e-6)


@given(st.lists(st.integers(0, 50), min_size=8, max_size=8))
def test_perplexity_and_gini_stay_within_their_bounds(counts):
  counts = np.asarray([*counts, 1], np.float32)
  size = len(counts)
  assert 1 - 1e-4 <= quantizers.perplexity(counts) <= size * (1 + 1e-4)
  gini = quantizers.gini(counts)
  assert -1e-5 <= gini <= 1 - 1 / size + 1e-5


def test_perplexity_and_gini_at_balance_and_at_collapse():
  even, one = jnp.full(8, 3.0), jnp.zeros(8).at[5].set(24.0)
  assert quantizers.perplexity(even) == pytest.approx(8, rel=1e-5)
  assert quantizers.perplexity(one) == pytest.approx(1, rel=1e-5)
  assert quantizers.gini(even) == pytest.approx(0, abs=1e-6)
  assert quantizers.gini(one) == pytest.approx(7 / 8, rel=1e-5)


def test_codes_after_an_end_count_nothing_and_add_nothing():
  book = jnp.arange(6.0).reshape(3, 2) + 1
  codes = jnp.array([[0, 2], [1, -1]])
  np.testing.assert_array_equal(
    quantizers.sum_codes(codes, (book, book)), [[6, 8], [3, 4]]
  )
  counts = quantizers.code_counts(codes[:, 1], num_codes=3)
  np.testing.assert_array_equal(counts, [0, 0, 1])
