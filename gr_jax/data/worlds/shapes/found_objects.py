r"""What a picture shows, from its pixels alone ([OURS]).

A pixel x on the background b has the nearest corner c of the color cube and is

  alpha = <x - b, c - b> / |c - b|^2

of the way there: the share of it that a shape of that color covers. Pixels past
one half make components of one color, and a component of enough pixels is an
object. Its area and center of mass are sums of alpha over the component and the
pixels around it. With the mask t of the kind that fits best its color is the
least-squares one of the pixels that it covers by more than half,

  color = b + sum w t (x - b) / sum w t^2,    w = clip(2 t - 1, 0, 1).

Sums of alphas, which are linear in x, let noise cancel.
"""

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.data.worlds.shapes.components import connected_components, grown
from gr_jax.data.worlds.shapes.kind_fits import (
  kind_fits,
  window_starts,
  windows,
)
from gr_jax.data.worlds.shapes.outlines import coverage
from gr_jax.data.worlds.shapes.palette import CORNERS, GRAYS
from gr_jax.data.worlds.shapes.render import pixel_centers
from gr_jax.data.worlds.shapes.scenes import LARGEST, SMALLEST

MOST_FOUND = 8
# Radii, as shares of the side, between which a shape is one of the world's.
RADII = 0.6 * SMALLEST, 1.5 * LARGEST
# A wrong channel is 2 away and one of a color in between 1.
_COLOR_ERROR = 0.6
_LEAST_FIT = 0.6
_GRAY_ERROR = 0.15
# Background is nearer than a corner in every channel.
_GRAYEST = 0.65


@struct.dataclass
class FoundObjects:
  """The objects of B pictures, at most M = 8 of each, the largest first.

  Attributes:
    count: `[B]` int32, all objects, also those past M.
    present: `[B, M]` bool.
    colors: `[B, M]` int32 rows of `COLORS`; -1 for a color between them.
    kinds: `[B, M]` int32 rows of `KINDS`; -1 for a shape that fits none, or
      that is far smaller or larger than those of the world.
    rgb: `[B, M, 3]`, the color.
    fits: `[B, M, K]`, how well every kind fits, at most 1.
    centers: `[B, M, 2]`, shares of the side.
    radii: `[B, M]`, shares of the side, from the area.
    background: `[B, 3]`, the mean of the pixels that are nearly gray.
  """

  count: jax.Array
  present: jax.Array
  colors: jax.Array
  kinds: jax.Array
  rgb: jax.Array
  fits: jax.Array
  centers: jax.Array
  radii: jax.Array
  background: jax.Array


@jax.jit
def find_objects(pictures: jax.Array) -> FoundObjects:
  """Finds the objects of pictures `[B, S, S, 3]` in [-1, 1]."""
  x = jnp.clip(jnp.asarray(pictures, jnp.float32), -1, 1)
  batch, size = x.shape[:2]
  background = _background(x)
  seen = x - background[:, None, None]
  corner = jnp.sum((x > 0) * jnp.asarray([4, 2, 1]), axis=-1)
  alpha = _alpha(seen, corner, background[:, None, None])
  labels = connected_components(jnp.where(alpha > 0.5, corner, -1))
  roots, count = _largest(labels, least=jnp.pi * (RADII[0] * size) ** 2)
  present = roots >= 0
  colors = jnp.take_along_axis(
    corner.reshape(batch, -1), jnp.maximum(roots, 0), axis=1
  )
  # Around an object a pixel is read along the object's color, not its own.
  alpha = _alpha(
    seen[:, None], colors[..., None, None], background[:, None, None, None]
  )
  near, around = _surroundings(labels, roots)
  own = jnp.where(near, alpha, 0)
  px, py = pixel_centers(size)
  area = jnp.maximum(jnp.sum(own, axis=(2, 3)), 1.0)
  center = [jnp.sum(own * p, axis=(2, 3)) / area for p in (px, py)]
  center = jnp.stack(center, axis=-1)
  r = jnp.sqrt(area / jnp.pi)
  start = window_starts(center, size=size)
  alpha = windows(jnp.where(around, alpha, 0), start)
  middle, _ = pixel_centers(alpha.shape[-1])
  offset = (start - center)[..., None] + middle
  from_center = (
    offset[..., 0, None, :],
    offset[..., 1, :, None],
    r[..., None, None],
  )
  fits = kind_fits(alpha, *from_center)
  best = jnp.argmax(fits, axis=-1)
  mask = coverage(best[..., None, None], *from_center)
  seen = windows(jnp.where(around[..., None], seen[:, None], 0), start)
  weight = jnp.clip(2 * mask - 1, 0, 1) * mask
  fitted = jnp.sum(weight[..., None] * seen, axis=(2, 3))
  norm = jnp.maximum(jnp.sum(weight * mask, axis=(2, 3)), 1e-6)
  rgb = background[:, None] + fitted / norm[..., None]
  error = jnp.max(jnp.abs(rgb - jnp.asarray(CORNERS)[colors]), axis=-1)
  radii = r / size
  shaped = (RADII[0] < radii) & (radii < RADII[1])
  shaped &= jnp.max(fits, axis=-1) > _LEAST_FIT
  return FoundObjects(
    count=count,
    present=present,
    colors=jnp.where(present & (error < _COLOR_ERROR), colors, -1),
    kinds=jnp.where(present & shaped, best, -1),
    rgb=rgb,
    fits=fits,
    centers=center / size,
    radii=jnp.where(present, radii, 0),
    background=background,
  )


def background_index(background: jax.Array) -> jax.Array:
  """Returns rows of `BACKGROUNDS` `[B]` int32 of colors `[B, 3]`; -1: none."""
  error = jnp.abs(background[:, None] - jnp.asarray(GRAYS)[:, None])
  error = jnp.max(error, axis=-1)
  return jnp.where(
    jnp.min(error, axis=1) < _GRAY_ERROR, jnp.argmin(error, axis=1), -1
  )


def _background(x: jax.Array) -> jax.Array:
  """The mean color `[B, 3]` of the pixels that are nearly gray; 0 of none."""
  grayish = jnp.max(jnp.abs(x), axis=-1, keepdims=True) < _GRAYEST
  total = jnp.sum(jnp.where(grayish, x, 0), axis=(1, 2))
  return total / jnp.maximum(jnp.sum(grayish, axis=(1, 2)), 1)


def _alpha(
  seen: jax.Array, corner: jax.Array, background: jax.Array
) -> jax.Array:
  """alpha `[...]` of pixels less their background `[..., 3]`."""
  step = jnp.asarray(CORNERS)[corner] - background
  return jnp.sum(seen * step, axis=-1) / jnp.sum(step**2, axis=-1)


def _largest(labels: jax.Array, *, least: float) -> tuple[jax.Array, jax.Array]:
  """The largest components, and the number of all that are large enough.

  Returns:
    Labels `[B, M]`, -1 after the last; and `[B]` int32.
  """
  batch = labels.shape[0]
  flat = labels.reshape(batch, -1)
  rows = jnp.arange(batch)[:, None]
  pixels = jnp.zeros(flat.shape, jnp.int32).at[rows, flat].add(flat >= 0)
  sizes, roots = jax.lax.top_k(pixels, MOST_FOUND)
  return jnp.where(sizes >= least, roots, -1), jnp.sum(pixels >= least, axis=1)


def _surroundings(
  labels: jax.Array, roots: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Components with one and with two rings of pixels around, `[B, M, S, S]`."""
  roots = jnp.where(roots < 0, -2, roots)[..., None, None]
  once = grown(labels)
  twice = grown(once)
  return once[:, None] == roots, twice[:, None] == roots
