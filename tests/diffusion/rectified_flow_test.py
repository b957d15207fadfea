"""The path from a picture to noise, and what its loss is least at."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.rectified_flow import clean, flow_losses, interpolate
from tests.reference.exact_velocity import TWO


def pair(rows=3):
  rng = np.random.default_rng(0)
  shape = (rows, 4, 4, 2)
  return (jnp.asarray(rng.normal(size=shape), jnp.float32) for _ in range(2))


def test_the_path_begins_at_the_picture_and_ends_at_the_noise():
  x0, noise = pair()
  np.testing.assert_array_equal(interpolate(x0, noise, jnp.zeros(3)), x0)
  np.testing.assert_array_equal(interpolate(x0, noise, jnp.ones(3)), noise)


def test_the_velocity_is_the_slope_of_the_path():
  x0, noise = pair()
  t = jnp.array([0.1, 0.5, 0.9])
  slope = jax.jvp(
    lambda t: interpolate(x0, noise, t), (t,), (jnp.ones_like(t),)
  )[1]
  np.testing.assert_allclose(slope, noise - x0, rtol=1e-6)


def test_the_true_velocity_gives_the_picture_back():
  x0, noise = pair()
  t = jnp.array([0.1, 0.5, 1.0])
  x = interpolate(x0, noise, t)
  np.testing.assert_allclose(clean(x, noise - x0, t), x0, atol=1e-6)


def test_the_loss_is_a_mean_over_the_numbers_of_a_picture():
  x0, noise = pair()
  t = jnp.array([0.1, 0.5, 0.9])
  found = flow_losses(lambda x, t: jnp.zeros_like(x), x0, noise, t)
  expected = np.mean(np.square(noise - x0), axis=(1, 2, 3))
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  none = flow_losses(lambda x, t: noise - x0, x0, noise, t)
  np.testing.assert_array_equal(none, np.zeros(3))


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_the_exact_velocity_has_the_least_loss(factor):
  rng = np.random.default_rng(0)
  hump = rng.choice(2, size=20_000, p=TWO.weights)
  x0 = rng.normal(np.array(TWO.means)[hump], np.array(TWO.stds)[hump])
  noise, t = rng.normal(size=(20_000, 1)), rng.uniform(size=20_000)
  data = [jnp.asarray(a, jnp.float32) for a in (x0[:, None], noise, t)]
  least = flow_losses(TWO.velocity, *data).mean()
  other = flow_losses(lambda x, t: factor * TWO.velocity(x, t), *data).mean()
  assert least < other - 0.005
