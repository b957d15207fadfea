"""Rotary positions of several axes: image, row and column (FLUX).

The pairs of a head are dealt out to the axes, and each axis turns its own by
its position (RoPE, Su 2021, for every axis; black-forest-labs/flux). Pairs are
the halves of a head, as in `nn.rotary`; FLUX's neighbors are the same network
with its head's numbers in another order.
"""

import jax
import jax.numpy as jnp

from gr_jax.nn.rotary import frequencies


def axial_angles(
  positions: jax.Array, axes: tuple[int, ...], *, theta: float = 10_000.0
) -> jax.Array:
  """Angles `[..., h / 2]` in radians of positions `[..., A]`.

  Args:
    positions: integers, one for each axis.
    axes: the numbers of a head that each axis turns, even; they sum to `h`.
    theta: base of the wavelengths.
  """
  parts = [
    positions[..., axis, None].astype(jnp.float32)
    * frequencies(size // 2, theta=theta)
    for axis, size in enumerate(axes)
  ]
  return jnp.concatenate(parts, axis=-1)


def rotate_by(x: jax.Array, angles: jax.Array) -> jax.Array:
  """Turns `[B, T, H, h]` by angles `[T, h / 2]` or `[B, T, h / 2]`."""
  cos, sin = (f(angles)[..., None, :] for f in (jnp.cos, jnp.sin))
  first, second = jnp.split(x, 2, axis=-1)
  return jnp.concatenate(
    (first * cos - second * sin, second * cos + first * sin), axis=-1
  )
