"""Guidance of velocities, and conditions that are dropped."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.guidance import drop_conditions, guide

X = jnp.arange(6.0).reshape(3, 2)
T = jnp.array([0.2, 0.5, 0.9])
CONDITIONS = {"a": jnp.array([1.0, 2.0, 3.0])}
EMPTY = {"a": jnp.array(0.0)}


def velocity(x, t, conditions):
  return x * t[:, None] + conditions["a"][:, None] ** 2


def guided(scale):
  return guide(velocity, CONDITIONS, EMPTY, scale=scale)(X, T)


def test_one_is_no_guidance():
  np.testing.assert_array_equal(guided(1), velocity(X, T, CONDITIONS))
  np.testing.assert_allclose(guided(1 + 1e-6), guided(1), rtol=1e-5)


def test_one_asks_for_no_second_velocity():
  rows = []

  def counted(x, t, conditions):
    rows.append(len(x))
    return velocity(x, t, conditions)

  guide(counted, CONDITIONS, EMPTY, scale=1)(X, T)
  guide(counted, CONDITIONS, EMPTY, scale=2)(X, T)
  assert rows == [3, 6]


def test_nought_leaves_conditions_out():
  np.testing.assert_allclose(guided(0), X * T[:, None])


def test_guidance_is_linear_in_its_scale():
  step = np.asarray(guided(2) - guided(1))
  np.testing.assert_allclose(guided(4) - guided(1), 3 * step, rtol=1e-6)
  expected = np.broadcast_to(CONDITIONS["a"][:, None] ** 2, X.shape)
  np.testing.assert_allclose(step, expected, rtol=1e-6)


def test_dropped_rows_are_empty_and_others_as_they_were():
  rows = 4000
  conditions = {
    "tokens": 1 + jnp.arange(rows * 2).reshape(rows, 2),
    "mask": jnp.ones(rows, bool),
  }
  empty = {"tokens": jnp.array([-1, -2]), "mask": jnp.array(False)}
  found = drop_conditions(conditions, empty, jax.random.key(0), rate=0.1)
  dropped = ~np.asarray(found["mask"])
  np.testing.assert_allclose(dropped.mean(), 0.1, atol=0.02)
  expected = np.where(dropped[:, None], [[-1, -2]], conditions["tokens"])
  np.testing.assert_array_equal(found["tokens"], expected)


def test_a_rate_of_nought_drops_none_and_one_drops_all():
  kept, gone = (
    drop_conditions(CONDITIONS, EMPTY, jax.random.key(0), rate=rate)["a"]
    for rate in (0.0, 1.0)
  )
  np.testing.assert_array_equal(kept, CONDITIONS["a"])
  np.testing.assert_array_equal(gone, np.zeros(3))
