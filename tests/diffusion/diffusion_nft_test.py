"""The loss against its equation in numpy, and its gradient's laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.diffusion.diffusion_nft import (
  nft_losses,
  optimality,
  velocity_divergence,
)

B, D = 3, 5


def numbers(seed, count):
  rng = np.random.default_rng(seed)
  return [rng.normal(size=(B, D)).astype(np.float32) for _ in range(count)]


def reference(v, old, x, x0, t, r, beta, largest):
  """The equation as systems write it, both mixtures spelt out."""
  t = t[:, None]
  plus = x - t * (beta * v + (1 - beta) * old)
  minus = x - t * ((1 + beta) * old - beta * v)
  terms = []
  for found, share in ((plus, r), (minus, 1 - r)):
    weight = np.maximum(np.abs(found - x0).mean(axis=1), 1e-5)
    terms.append(share * ((found - x0) ** 2).mean(axis=1) / (weight * beta))
  return largest * (terms[0] + terms[1])


@settings(max_examples=20)
@given(st.integers(0, 2**20))
def test_the_loss_is_its_equation(seed):
  v, old, x, x0 = numbers(seed, 4)
  t = np.array([0.2, 0.7, 1.0], np.float32)
  r = np.array([0.0, 0.3, 1.0], np.float32)
  found = nft_losses(v, old, x, x0, t, r, beta=0.5, largest=2.0)
  expected = reference(v, old, x, x0, t, r, 0.5, 2.0)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


def gradient(r, v, old, x, x0):
  t = jnp.array([0.2, 0.7, 1.0])

  def total(v):
    return nft_losses(v, old, x, x0, t, r).sum()

  return jax.grad(total)(v)


def test_at_the_old_policy_the_gradient_is_in_proportion_to_2r_minus_1():
  old, x, x0 = numbers(0, 3)
  whole = gradient(jnp.ones(B), old, old, x, x0)
  assert np.abs(whole).min() > 0
  for r in (0.0, 0.2, 0.9):
    found = gradient(jnp.full(B, r), old, old, x, x0)
    np.testing.assert_allclose(found, (2 * r - 1) * whole, rtol=1e-4, atol=1e-7)


def test_at_the_old_policy_a_picture_of_no_advantage_has_no_gradient_at_all():
  old, x, x0 = numbers(1, 3)
  found = gradient(jnp.full(B, 0.5), old, old, x, x0)
  np.testing.assert_array_equal(found, 0)


def test_a_good_picture_is_come_closer_to_and_a_bad_one_left():
  """A step along the gradient lowers, or raises, the distance to it."""
  old, x, x0 = numbers(2, 3)
  t = jnp.array([0.2, 0.7, 1.0])

  def distance(v):
    return jnp.square(x - t[:, None] * v - x0).sum()

  before = distance(old)
  good = old - 1e-3 * gradient(jnp.ones(B), old, old, x, x0)
  bad = old - 1e-3 * gradient(jnp.zeros(B), old, old, x, x0)
  assert distance(good) < before < distance(bad)


def test_the_old_policy_gets_no_gradient():
  v, old, x, x0 = numbers(3, 4)

  def total(old):
    return nft_losses(v, old, x, x0, jnp.full(B, 0.5), jnp.full(B, 0.7)).sum()

  np.testing.assert_array_equal(jax.grad(total)(jnp.asarray(old)), 0)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_optimality_is_a_share_and_grows_with_the_advantage(values):
  advantages = jnp.sort(jnp.asarray(values, jnp.float32))
  found = np.asarray(optimality(advantages))
  assert ((found >= 0) & (found <= 1)).all()
  assert (np.diff(found) >= 0).all()


def test_optimality_is_a_half_without_advantage_and_ends_at_the_largest():
  found = optimality(jnp.array([-9.0, -5, 0, 2.5, 5, 9]))
  np.testing.assert_allclose(found, [0, 0, 0.5, 0.75, 1, 1])


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_a_beta_that_divides_by_nothing_is_refused(beta):
  v = jnp.zeros((B, D))
  with pytest.raises(ValueError, match="beta"):
    nft_losses(v, v, v, v, jnp.ones(B), jnp.ones(B), beta=beta)


def test_advantages_without_a_largest_are_refused():
  with pytest.raises(ValueError, match="largest advantage"):
    optimality(jnp.zeros(2), largest=0.0)


def test_the_divergence_is_the_mean_square_and_leaves_the_reference_alone():
  v, ref = numbers(4, 2)
  found = velocity_divergence(jnp.asarray(v), jnp.asarray(ref))
  np.testing.assert_allclose(found, ((v - ref) ** 2).mean(axis=1), rtol=1e-5)
  gradient = jax.grad(lambda ref: velocity_divergence(v, ref).sum())
  np.testing.assert_array_equal(gradient(jnp.asarray(ref)), 0)
