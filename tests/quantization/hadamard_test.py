import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from gr_jax.quantization import hadamard

SIGNS = hadamard.random_signs(jax.random.key(0))
X = jax.random.normal(jax.random.key(1), (8, 64))


def test_it_is_sylvester_s_matrix_with_signs():
  matrix = scipy.linalg.hadamard(16) / 4
  wanted = (X.reshape(8, 4, 16) * SIGNS) @ matrix
  found = hadamard.transform(X, SIGNS).reshape(8, 4, 16)
  np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_invert_is_its_inverse_and_products_stay():
  y = hadamard.transform(X, SIGNS)
  np.testing.assert_allclose(hadamard.invert(y, SIGNS), X, atol=1e-5)
  np.testing.assert_allclose(y @ y.T, X @ X.T, atol=1e-4)


def test_signs_are_both_and_of_the_key():
  assert set(np.asarray(SIGNS)) == {-1.0, 1.0}
  other = hadamard.random_signs(jax.random.key(3))
  assert (other != SIGNS).any()


def test_an_outlier_is_spread_over_its_block():
  spread = hadamard.transform(X.at[:, 0].set(30.0), SIGNS)
  largest = np.abs(np.asarray(spread).reshape(8, 4, 16)).max(axis=(0, 2))
  assert 6 < largest[0] < 12
  assert (largest[1:] < 5).all()


def test_other_widths_are_an_error():
  with pytest.raises(ValueError, match="40 columns are no multiple of 16"):
    hadamard.transform(jnp.zeros((2, 40)), SIGNS)
