r"""Rectified flow: a straight path from a picture to noise, and its loss.

$$ x_t = (1 - t) x_0 + t ε, \qquad v = \dot x_t = ε - x_0, \qquad t ∈ [0, 1] $$

(Liu et al. 2022, arXiv 2209.03003; in SD3's direction, arXiv 2403.03206, eq.
13): `t = 0` is the picture and `t = 1` is noise. A network learns the mean of
`v` given `x_t`, and a sampler walks from noise to pictures along it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Velocity = Callable[[jax.Array, jax.Array], jax.Array]
"""`(x [B, ...], t [B]) -> v [B, ...]`, the mean of `ε - x_0` given `x_t = x`.

A network with its parameters and conditions, guided or not.
"""


def along_rows(t: jax.Array, x: jax.Array) -> jax.Array:
  """`t` `[B]` with ones for the other axes of `x` `[B, ...]`."""
  return t.reshape(*t.shape, *(1,) * (x.ndim - t.ndim))


def interpolate(x0: jax.Array, noise: jax.Array, t: jax.Array) -> jax.Array:
  """`x_t = (1 - t) x_0 + t ε` `[B, ...]` at times `[B]`."""
  t = along_rows(t, x0)
  return (1 - t) * x0 + t * noise


def clean(x: jax.Array, velocity: jax.Array, t: jax.Array) -> jax.Array:
  """The mean of `x_0` given `x_t = x`: `x - t v`."""
  return x - along_rows(t, x) * velocity


def flow_losses(
  velocity: Velocity, x0: jax.Array, noise: jax.Array, t: jax.Array
) -> jax.Array:
  r"""$\mathrm{mean} (v_θ(x_t, t) - (ε - x_0))^2$ of every row.

  The mean is over the numbers of a picture. Conditional flow matching (SD3, eq.
  8) whose weights are all in how `t` is drawn, see `times.logit_normal_times`.

  Args:
    velocity: the network.
    x0: pictures `[B, ...]`, about as wide as the noise.
    noise: `[B, ...]` standard normal.
    t: `[B]`.

  Returns:
    `[B]` in float32.
  """
  found = velocity(interpolate(x0, noise, t), t)
  error = found.astype(jnp.float32) - (noise - x0)
  return jnp.mean(error * error, axis=tuple(range(1, error.ndim)))
