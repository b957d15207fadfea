r"""Deterministic samplers: $dx = v(x, t)\,dt$ from noise to pictures.

Each walks down a grid of times in one `lax.scan`. The same noise, weights and
precision give the same bits.
"""

import jax
import jax.numpy as jnp

from gr_jax.diffusion.rectified_flow import Velocity


def euler(velocity: Velocity, noise: jax.Array, times: jax.Array) -> jax.Array:
  r"""$x \leftarrow x + (t' - t) v(x, t)$: one evaluation a step, first order.

  Args:
    velocity: the network.
    noise: `[B, ...]` float32, where the walk begins.
    times: `[S + 1]`, falling; a whole walk is from 1 to 0.

  Returns:
    `[B, ...]` at the last time.
  """

  def step(x: jax.Array, now_and_next):
    t, after = now_and_next
    return x + (after - t) * velocity(x, _rows(t, x)), None

  return jax.lax.scan(step, noise, (times[:-1], times[1:]))[0]


def heun(velocity: Velocity, noise: jax.Array, times: jax.Array) -> jax.Array:
  r"""$x \leftarrow x + \frac{t' - t}{2} (v(x, t) + v(x', t'))$, second order.

  `x'` is where Euler's step ends; two evaluations a step. Arguments as for
  `euler`. EDM (arXiv 2206.00364) leaves the second half of the last step out,
  because its denoiser has no limit at 0: a velocity does `[OURS]`.
  """

  def step(x: jax.Array, now_and_next):
    t, after = now_and_next
    first = velocity(x, _rows(t, x))
    second = velocity(x + (after - t) * first, _rows(after, x))
    return x + (after - t) / 2 * (first + second), None

  return jax.lax.scan(step, noise, (times[:-1], times[1:]))[0]


SAMPLERS = {"euler": euler, "heun": heun}


def _rows(t: jax.Array, x: jax.Array) -> jax.Array:
  return jnp.broadcast_to(t, x.shape[:1])
