"""Linear attention against its quadratic form."""

import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.networks.linear_attention import attend_linearly


def arrays(T=7, S=7):
  rng = np.random.default_rng(0)
  return (
    jnp.asarray(rng.normal(size=(2, n, 3, 4)), jnp.float32) for n in (T, S, S)
  )


def quadratic(q, k, v):
  q, k = np.maximum(q, 0), np.maximum(k, 0)
  scores = np.einsum("bthd,bshd->bhts", q, k)
  weights = scores / (scores.sum(-1, keepdims=True) + 1e-8)
  return np.einsum("bhts,bshd->bthd", weights, v)


def test_it_equals_its_quadratic_form():
  q, k, v = arrays()
  np.testing.assert_allclose(
    attend_linearly(q, k, v), quadratic(q, k, v), rtol=1e-4, atol=1e-5
  )


def test_the_order_of_what_is_attended_to_does_not_matter():
  q, k, v = arrays(T=4, S=9)
  order = np.random.default_rng(1).permutation(9)
  np.testing.assert_allclose(
    attend_linearly(q, k[:, order], v[:, order]),
    attend_linearly(q, k, v),
    rtol=1e-4,
    atol=1e-5,
  )


def test_equal_values_are_what_comes_out():
  q, k, _ = arrays()
  found = attend_linearly(jnp.abs(q), jnp.abs(k), jnp.full_like(q, 2.5))
  np.testing.assert_allclose(found, 2.5, rtol=1e-5)


def test_a_query_that_meets_no_key_gives_nought():
  q, k, v = arrays()
  found = attend_linearly(-jnp.abs(q), k, v)
  np.testing.assert_array_equal(found, np.zeros(q.shape))
