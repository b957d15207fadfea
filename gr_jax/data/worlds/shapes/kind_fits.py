r"""How well every kind of shape fits what a window of a picture shows ([OURS]).

With alpha the share of each pixel that an object covers and t_k the mask of
kind k at the object's area and center,

  fit_k = max_n 1 - |alpha - G^n t_k|^2 / |G^n t_k|^2,

G a blur of variance 1/4 along both axes and n = 0 to 3: what a kind looks like
in a picture that is sharp, or blurred by up to 0.87 pixels. Without the blurred
masks a blurred square is nearest to a circle.
"""

import math

import jax
import jax.numpy as jnp

from gr_jax.data.worlds.shapes.outlines import REACH, signed_distances
from gr_jax.data.worlds.shapes.scenes import LARGEST

_BLURS = 3
_MARGIN = 2


def window_side(size: int) -> int:
  """The side in pixels that has room for the largest shape and its blur."""
  reach = 1.1 * LARGEST * float(REACH.max()) * size
  return min(2 * math.ceil(reach + _MARGIN), size)


def window_starts(centers: jax.Array, *, size: int) -> jax.Array:
  """Returns the first pixel `[..., 2]` of windows about centers in pixels."""
  side = window_side(size)
  start = jnp.round(centers).astype(jnp.int32) - side // 2
  return jnp.clip(start, 0, size - side)


def windows(pictures: jax.Array, starts: jax.Array) -> jax.Array:
  """Cuts `[B, M, w, w, ...]` out of `[B, M, S, S, ...]`; starts are x, y."""
  side = window_side(pictures.shape[2])

  def cut(picture: jax.Array, start: jax.Array) -> jax.Array:
    rest = picture.shape[2:]
    corner = (start[1], start[0], *(0 for _ in rest))
    return jax.lax.dynamic_slice(picture, corner, (side, side, *rest))

  return jax.vmap(jax.vmap(cut))(pictures, starts)


def kind_fits(
  alpha: jax.Array, x: jax.Array, y: jax.Array, r: jax.Array
) -> jax.Array:
  """Returns fit_k `[..., K]` of every kind.

  Args:
    alpha: `[..., w, w]`.
    x, y: `[..., 1, w]` and `[..., w, 1]`, pixels as seen from the center.
    r: `[..., 1, 1]`, the radius in pixels.
  """
  fits = []
  for distance in signed_distances(x, y, r):
    mask = jnp.clip(0.5 - distance, 0, 1)
    fit = _fit(alpha, mask)
    for _ in range(_BLURS):
      mask = _blurred(_blurred(mask, -1), -2)
      fit = jnp.maximum(fit, _fit(alpha, mask))
    fits.append(fit)
  return jnp.stack(fits, axis=-1)


def _fit(alpha: jax.Array, mask: jax.Array) -> jax.Array:
  error = jnp.sum((alpha - mask) ** 2, axis=(-2, -1))
  return 1 - error / jnp.maximum(jnp.sum(mask**2, axis=(-2, -1)), 1e-6)


def _blurred(mask: jax.Array, axis: int) -> jax.Array:
  """Mixes an eighth of each neighbor along an axis into a pixel."""
  n = mask.shape[axis]
  zero = jnp.zeros_like(jax.lax.slice_in_dim(mask, 0, 1, axis=axis))
  before = jax.lax.slice_in_dim(mask, 0, n - 1, axis=axis)
  after = jax.lax.slice_in_dim(mask, 1, n, axis=axis)
  sides = jnp.concatenate([zero, before], axis=axis)
  sides += jnp.concatenate([after, zero], axis=axis)
  return 0.75 * mask + 0.125 * sides
