"""The stochastic sampler: its marginals, its densities and its limit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from gr_jax.diffusion import sde
from gr_jax.diffusion.noise import first_noise
from gr_jax.diffusion.ode import euler
from gr_jax.diffusion.times import time_grid
from tests.reference.exact_velocity import ONE, TWO

STEPS = 8


@functools.cache
def walk(mixture):
  return jax.jit(functools.partial(sde.sample_path, mixture.velocity))


def path(noise_level=0.7, rows=4, steps=STEPS, mixture=TWO, size=3):
  seeds, times = jnp.arange(rows), time_grid(steps)
  sigmas = sde.flow_grpo_sigmas(times, noise_level)
  noise = first_noise(seeds, (size,))
  return walk(mixture)(noise, seeds, times, sigmas), times, sigmas


def fine_grid(steps):
  """Near 1, where sigma has no limit, the steps are short beside `1 - t`."""
  near = 1 - np.geomspace(1e-4, 0.05, steps // 2)
  rest = np.linspace(0.95, 0, steps // 2)[1:]
  return jnp.asarray(np.concatenate(([1], near, rest)), jnp.float32)


def test_marginals_of_the_data_are_kept():
  seeds, times = jnp.arange(100), fine_grid(400)
  sigmas = sde.flow_grpo_sigmas(times, 0.7)
  found = walk(TWO)(first_noise(seeds, (200,)), seeds, times, sigmas)
  for at in (220, 280, 340, 399):
    x, t = np.asarray(found.states[at], np.float64), float(times[at])
    scale = TWO.variance(t)
    np.testing.assert_allclose(x.mean(), TWO.mean(t), atol=0.02 * scale**0.5)
    np.testing.assert_allclose(x.var(), scale, rtol=0.03)


@functools.cache
def moments():
  """Means and variances `[S]` of a normal distribution's path, exactly.

  A step of a linear velocity takes them to new ones that can be written down:
  there are no samples.
  """

  def step(before, now):
    t, after, sigma = now
    mean, variance = before
    there = [
      sde.transition(ONE.velocity, x[None, None], t[None], after[None], sigma)
      for x in (mean, mean + 1)
    ]
    slope = (there[1].mean - there[0].mean)[0, 0]
    new = there[0].mean[0, 0], slope**2 * variance + there[0].std[0] ** 2
    return new, new

  def walk(times, sigmas):
    start = jnp.array(0.0), jnp.array(1.0)
    return jax.lax.scan(step, start, (times[:-1], times[1:], sigmas))[1]

  return jax.jit(walk)


@pytest.mark.parametrize("noise_level", [0.4, 0.7, 1.0])
def test_moments_of_a_normal_distribution_are_kept(noise_level):
  times = fine_grid(2000)
  sigmas = sde.flow_grpo_sigmas(times, noise_level)
  means, variances = moments()(times, sigmas[:, None])
  for at in (1000, 1400, 1700, 1999):
    t = float(times[at])
    np.testing.assert_allclose(means[at - 1], ONE.mean(t), atol=0.002)
    np.testing.assert_allclose(variances[at - 1], ONE.variance(t), rtol=0.006)


def test_the_first_step_of_an_even_grid_is_too_wide():
  times = time_grid(1999)
  sigmas = sde.flow_grpo_sigmas(times, 0.7)
  _, variances = moments()(times, sigmas[:, None])
  excess = float(variances[0]) / ONE.variance(float(times[1])) - 1
  # 1 - a² / 2 squared, and a² more.
  np.testing.assert_allclose(excess, 0.7**4 / 4, rtol=0.03)


def test_no_noise_is_the_ode():
  found, times, _ = path(0.0)
  expected = jax.jit(functools.partial(euler, TWO.velocity))(
    found.states[0], times
  )
  np.testing.assert_array_equal(found.states[-1], expected)
  np.testing.assert_array_equal(found.log_probs, np.zeros((STEPS, 4)))


def test_little_noise_is_near_the_ode():
  ode = path(0.0)[0].states
  gaps = [
    np.abs(path(level)[0].states - ode).max() for level in (0.001, 0.002, 0.004)
  ]
  assert gaps[0] < 0.02
  np.testing.assert_allclose(np.divide(gaps[1:], gaps[:-1]), 2, rtol=0.2)


def test_sigma_is_that_of_flow_grpo():
  times = time_grid(4)
  expected = [np.sqrt(1 / 0.25), np.sqrt(3), 1, np.sqrt(1 / 3)]
  np.testing.assert_allclose(
    sde.flow_grpo_sigmas(times, 0.7), 0.7 * np.array(expected), rtol=1e-6
  )
  with pytest.raises(ValueError, match="noise_level \\(-1\\)"):
    sde.flow_grpo_sigmas(times, -1)


def test_the_drift_is_the_published_one():
  x, t, after = jnp.array([[0.3, -1.2]]), jnp.array([0.6]), jnp.array([0.5])
  sigma = jnp.array([0.9])
  v, dt = TWO.velocity(x, t), -0.1
  # Flow-GRPO's code, with its one variable for both.
  mean = x * (1 + 0.81 / 1.2 * dt) + v * (1 + 0.81 * 0.4 / 1.2) * dt
  found = sde.transition(TWO.velocity, x, t, after, sigma)
  np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
  np.testing.assert_allclose(found.std, [0.9 * np.sqrt(0.1)], rtol=1e-5)


def test_a_path_has_the_log_probabilities_of_its_steps():
  found, times, sigmas = path()
  again = sde.path_log_probs(TWO.velocity, found.states, times, sigmas)
  np.testing.assert_allclose(again, found.log_probs, rtol=1e-4, atol=1e-4)
  for at in (0, 3, STEPS - 1):
    x = found.states[at]
    there = sde.transition(
      TWO.velocity, x, *(jnp.full(4, a[at]) for a in (times, times[1:], sigmas))
    )
    expected = scipy.stats.norm.logpdf(
      found.states[at + 1], there.mean, there.std[:, None]
    ).sum(axis=1)
    np.testing.assert_allclose(found.log_probs[at], expected, rtol=1e-4)


def test_gradients_of_log_probabilities_point_to_what_was_drawn():
  x, reached = jnp.zeros((1, 2)), jnp.array([[1.0, -1.0]])
  t, after, sigma = jnp.array([0.6]), jnp.array([0.5]), jnp.array([0.9])

  def total(shift):
    there = sde.transition(lambda x, t: 0 * x - shift, x, t, after, sigma)
    return sde.log_prob(reached, there).sum()

  # A velocity down the first axis leads up it, as the time falls.
  gradient = jax.grad(total)(jnp.zeros(2))
  assert gradient[0] > 0 > gradient[1]


def test_steps_without_noise_give_finite_gradients():
  found, times, sigmas = path()
  some = sigmas.at[2:].set(0.0)

  def total(scale):
    return sde.path_log_probs(
      lambda x, t: scale * TWO.velocity(x, t), found.states, times, some
    ).sum()

  assert np.isfinite(jax.grad(total)(1.0))


def test_the_kl_of_a_step_is_that_of_its_velocities():
  x, t, after = jnp.array([[0.3, -1.2]]), jnp.array([0.6]), jnp.array([0.5])
  sigma, change = jnp.array([0.9]), jnp.array([[0.2, 0.1]])
  first, second = (
    sde.transition(lambda x, t, c=c: x + c, x, t, after, sigma)
    for c in (0 * change, change)
  )
  s = 0.9
  factor = 0.1 / 2 * (s * 0.4 / (2 * 0.6) + 1 / s) ** 2
  np.testing.assert_allclose(
    sde.kl_divergence(first, second), factor * np.sum(change**2), rtol=1e-4
  )
  np.testing.assert_array_equal(sde.kl_divergence(first, first), [0])


def test_a_path_depends_on_its_seed_alone():
  found, times, sigmas = path()
  seeds = jnp.array([3, 0])
  other = walk(TWO)(first_noise(seeds, (3,)), seeds, times, sigmas)
  np.testing.assert_allclose(
    other.states, found.states[:, [3, 0]], rtol=1e-5, atol=1e-6
  )
  # One seed, another step's noise: the increments differ.
  assert not np.allclose(found.states[:, 0], found.states[:, 1])


def test_the_first_state_is_the_noise():
  found, _, _ = path()
  np.testing.assert_array_equal(
    found.states[0], first_noise(jnp.arange(4), (3,))
  )
