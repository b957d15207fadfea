r"""Flow-GRPO's stochastic sampler, with the log-probabilities of its steps.

Around the same marginals as those of the ODE (arXiv 2505.05470, eqs. 7 to 9):

$$ dx = \left[v + \frac{σ_t^2}{2 t} (x + (1 - t) v)\right] dt + σ_t\,dw,
   \qquad σ_t = a \sqrt{t / (1 - t)} $$

with `dt < 0`; `-(x + (1 - t) v) / t` is the score of the density at `t`. Euler
and Maruyama make each step a normal distribution,

$$ x' ∼ N(x + [\dots] (t' - t),\; σ_t^2 (t - t')), $$

so a path has a log-probability, and a policy gradient has its ratios. At
`t = 1`, where `σ` has no limit, their code puts the second time of the grid in
`1 - t`, and so does this. The first step of an even grid is therefore too wide,
however many steps there are: its variance is `1 + a⁴ / 4` times the right one.
Later steps forget it, slowly. Marginals are kept in the limit of steps that are
short beside `1 - t`; ten even steps with `a = 0.7` are up to a fifth too wide.

A step with `σ = 0` is Euler's step of the ODE and has no density; its
log-probability is 0. So a few stochastic steps in a path of the ODE are a
matter of the array of sigmas (MixGRPO, arXiv 2507.21802).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.diffusion.noise import step_noise
from gr_jax.diffusion.rectified_flow import Velocity, along_rows


class Transition(NamedTuple):
  """The normal distribution of the next state: `[B, ...]`, and `[B]`."""

  mean: jax.Array
  std: jax.Array


class Path(NamedTuple):
  """All states of a walk.

  Attributes:
    states: `[S + 1, B, ...]` from noise to pictures.
    log_probs: `[S, B]`, sums over the numbers of a picture. Flow-GRPO's code
      takes means: divide by the size of a picture.
  """

  states: jax.Array
  log_probs: jax.Array


def flow_grpo_sigmas(times: jax.Array, noise_level: float) -> jax.Array:
  """`σ = a √(t / (1 - t))` `[S]` of the steps of a grid `[S + 1]`.

  Raises:
    ValueError: the noise level `a` is below 0.
  """
  if noise_level < 0:
    raise ValueError(f"noise_level ({noise_level}) must be at least 0.")
  t = times[:-1]
  return noise_level * jnp.sqrt(t / (1 - jnp.where(t == 1, times[1], t)))


def transition(
  velocity: Velocity,
  x: jax.Array,
  t: jax.Array,
  after: jax.Array,
  sigma: jax.Array,
) -> Transition:
  """Where a step leads.

  Args:
    velocity: the network.
    x: `[B, ...]` float32.
    t: `[B]`, above 0.
    after: `[B]`, the next times, below `t`.
    sigma: `[B]`.
  """
  v = velocity(x, t)
  now, dt = along_rows(t, x), along_rows(after - t, x)
  correction = along_rows(sigma * sigma / (2 * t), x)
  drift = v + correction * (x + (1 - now) * v)
  return Transition(x + drift * dt, sigma * jnp.sqrt(t - after))


def log_prob(reached: jax.Array, there: Transition) -> jax.Array:
  """`log N(x'; mean, std²)` `[B]` of next states, summed over a picture.

  The states are data: no gradient goes through them.
  """
  # A step without noise has no density; its zero is kept out of gradients.
  random = there.std > 0
  std = jnp.where(random, there.std, 1.0)
  axes = tuple(range(1, reached.ndim))
  error = jax.lax.stop_gradient(reached) - there.mean
  squares = jnp.sum(error * error, axis=axes) / (2 * std * std)
  size = reached[0].size
  normal = -squares - size * (jnp.log(std) + 0.5 * jnp.log(2 * jnp.pi))
  return jnp.where(random, normal, 0.0)


def kl_divergence(policy: Transition, reference: Transition) -> jax.Array:
  r"""$|μ - μ_{ref}|^2 / (2 s^2)$ `[B]` of two steps with one `std` above 0.

  With `v` in it, $\frac{-dt}{2}(\frac{σ(1 - t)}{2t} + \frac1σ)^2 |v -
  v_{ref}|^2$ (Flow-GRPO, eq. 11).
  """
  error = policy.mean - reference.mean
  squares = jnp.sum(error * error, axis=tuple(range(1, error.ndim)))
  return squares / (2 * policy.std**2)


def sample_path(
  velocity: Velocity,
  noise: jax.Array,
  seeds: jax.Array,
  times: jax.Array,
  sigmas: jax.Array,
) -> Path:
  """Walks from noise to pictures; the noise of the steps is that of the seeds.

  Args:
    velocity: the network.
    noise: `[B, ...]` float32.
    seeds: `[B]` integers.
    times: `[S + 1]`, falling from 1 to 0.
    sigmas: `[S]`.
  """

  def step(x: jax.Array, now):
    number, t, after, sigma = now
    there = transition(velocity, x, *_rows(x, t, after, sigma))
    drawn = step_noise(seeds, number, x.shape[1:])
    reached = there.mean + along_rows(there.std, x) * drawn
    return reached, (reached, log_prob(reached, there))

  numbers = 1 + jnp.arange(len(sigmas))
  grid = (numbers, times[:-1], times[1:], sigmas)
  _, (states, log_probs) = jax.lax.scan(step, noise, grid)
  return Path(jnp.concatenate((noise[None], states)), log_probs)


def path_log_probs(
  velocity: Velocity, states: jax.Array, times: jax.Array, sigmas: jax.Array
) -> jax.Array:
  """The log-probabilities `[S, B]` of the steps of a path that is there.

  Args:
    velocity: the network that scores the path; gradients reach it.
    states: `[S + 1, B, ...]`.
    times: `[S + 1]`.
    sigmas: `[S]`.
  """

  def step(carry: None, now):
    x, reached, t, after, sigma = now
    there = transition(velocity, x, *_rows(x, t, after, sigma))
    return carry, log_prob(reached, there)

  grid = (states[:-1], states[1:], times[:-1], times[1:], sigmas)
  return jax.lax.scan(step, None, grid)[1]


def _rows(x: jax.Array, *values: jax.Array) -> list[jax.Array]:
  return [jnp.broadcast_to(value, x.shape[:1]) for value in values]
