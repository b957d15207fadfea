"""Deterministic samplers against exact velocities."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.ode import SAMPLERS
from gr_jax.diffusion.times import time_grid
from tests.reference.exact_velocity import ONE, TWO, even_normals


@functools.cache
def sampler(name, mixture):
  return jax.jit(functools.partial(SAMPLERS[name], mixture.velocity))


def reached(name, mixture, steps, count=2001):
  return np.asarray(
    sampler(name, mixture)(even_normals(count), time_grid(steps)), np.float64
  )


@pytest.mark.parametrize(("name", "steps"), [("euler", 400), ("heun", 30)])
@pytest.mark.parametrize("mixture", [ONE, TWO], ids=["one", "two"])
def test_samples_have_the_moments_of_the_data(name, steps, mixture):
  x = reached(name, mixture, steps)
  np.testing.assert_allclose(x.mean(), mixture.mean(), rtol=0.01)
  np.testing.assert_allclose(x.var(), mixture.variance(), rtol=0.01)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_with_the_order(name, order):
  # A normal distribution's flow is exact: x_0 = mean + std * ε.
  exact = ONE.means[0] + ONE.stds[0] * np.asarray(even_normals(11), np.float64)
  errors = [
    np.abs(reached(name, ONE, steps, 11) - exact).max()
    for steps in (16, 32, 64)
  ]
  ratios = np.divide(errors[:-1], errors[1:])
  np.testing.assert_allclose(ratios, 2**order, rtol=0.12)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_constant_velocity_needs_one_step(name):
  x0, noise = jnp.array([[1.0, 2.0]]), jnp.array([[-0.5, 0.25]])
  found = SAMPLERS[name](lambda x, t: noise - x0, noise, time_grid(1))
  np.testing.assert_allclose(found, x0, atol=1e-6)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_picture_does_not_depend_on_its_batch(name):
  noise = jax.random.normal(jax.random.key(0), (5, 3))
  sample = sampler(name, TWO)
  whole = sample(noise, time_grid(8))
  np.testing.assert_array_equal(sample(noise[::-1], time_grid(8)), whole[::-1])
  np.testing.assert_array_equal(sample(noise, time_grid(8)), whole)
  np.testing.assert_allclose(
    sample(noise[2:3], time_grid(8)), whole[2:3], rtol=1e-6
  )


@pytest.mark.parametrize("name", SAMPLERS)
def test_two_halves_of_a_walk_are_the_walk(name):
  noise, grid = even_normals(5), time_grid(8)
  half = sampler(name, TWO)(noise, grid[:5])
  np.testing.assert_allclose(
    sampler(name, TWO)(half, grid[4:]), sampler(name, TWO)(noise, grid), 1e-5
  )
