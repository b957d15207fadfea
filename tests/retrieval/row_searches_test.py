"""A search of each row by itself, in one program for all counts."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.retrieval.row_searches import search_rows


def test_the_first_rows_are_searched_and_the_others_are_nothing():
  weights = jax.random.normal(jax.random.key(0), (5, 3))

  @jax.jit
  def found(rows, count):
    return search_rows(lambda x: (x["a"] @ weights, x["b"] + 1), rows, count)

  rows = {
    "a": jax.random.normal(jax.random.key(1), (4, 5)),
    "b": jnp.arange(4, dtype=jnp.int32),
  }
  all_a, all_b = jax.device_get(found(rows, 4))
  np.testing.assert_allclose(all_a, rows["a"] @ weights, rtol=1e-6)
  np.testing.assert_array_equal(all_b, [1, 2, 3, 4])
  for count in range(4):
    a, b = jax.device_get(found(rows, count))
    np.testing.assert_array_equal(
      a, np.where(np.arange(4)[:, None] < count, all_a, 0)
    )
    np.testing.assert_array_equal(b, np.where(np.arange(4) < count, all_b, 0))
  assert found._cache_size() == 1
