import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.clustering.nearest import nearest_code, squared_distances

SEEDS = st.integers(0, 2**31 - 1)


@given(SEEDS)
def test_nearest_code_equals_a_direct_search(seed):
  rng = np.random.default_rng(seed)
  x = rng.normal(size=(9, 5)).astype(np.float32)
  codebook = rng.normal(size=(4, 5)).astype(np.float32)
  gap = x[:, None] - codebook
  expected = np.square(gap).sum(-1)
  np.testing.assert_array_equal(nearest_code(x, codebook), expected.argmin(1))
  np.testing.assert_allclose(
    squared_distances(x, codebook), expected, rtol=1e-4, atol=1e-5
  )


def test_the_first_code_wins_a_tie():
  codebook = jnp.array([[5.0], [1.0], [1.0], [-1.0]])
  codes = nearest_code(jnp.array([[1.0], [0.0]]), codebook)
  np.testing.assert_array_equal(codes, [1, 1])


def test_a_row_of_nan_keeps_its_code_inside_the_codebook():
  codes = nearest_code(jnp.full((1, 2), jnp.nan), jnp.ones((3, 2)))
  assert 0 <= codes[0] < 3
