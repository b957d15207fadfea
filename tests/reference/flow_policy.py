"""A policy over four numbers: the exact flow of a normal distribution.

`x0 ~ N(m, s²)` has the velocity

  (t - (1 - t) s²) (x - (1 - t) m) / ((1 - t)² s² + t²) - m

here with `m` the parameters plus the prompt.
"""

import functools

import jax
import jax.numpy as jnp

from gr_jax.diffusion.noise import first_noise
from gr_jax.diffusion.ode import euler
from gr_jax.diffusion.times import time_grid

D, SPREAD = 4, 0.5


def params(value=0.0):
  return {"mean": jnp.full(D, value)}


def velocity(params, x, t, prompts):
  mean = params["mean"] + prompts
  t = t[:, None]
  variance = SPREAD**2 * (1 - t) ** 2 + t**2
  slope = (t - (1 - t) * SPREAD**2) / variance
  return slope * (x - (1 - t) * mean) - mean


@functools.partial(jax.jit, static_argnames="steps")
def _generate(params, prompts, seeds, *, steps):
  def flow(x, t):
    return velocity(params, x, t, prompts)

  return euler(flow, first_noise(seeds, (D,)), time_grid(steps))


def generate(steps):
  return functools.partial(_generate, steps=steps)


def nearness(prompts, pictures):
  """How near a picture comes to the prompt's fact, `[N]`."""
  _, facts = prompts
  return -((pictures - facts) ** 2).mean(axis=1)
