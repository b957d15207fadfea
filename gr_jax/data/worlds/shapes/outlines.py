"""Outlines of shapes as signed distances.

All kinds of one radius r have the area pi r^2 and their center of mass at the
origin, so that area and moments say size and place whatever the kind ([OURS]):

  circle    |p| - r
  square    max(|x|, |y|) - a,               a = sqrt(pi) / 2 r
  triangle  max(y, sqrt(3)/2 |x| - y/2) - i, i = sqrt(pi) / 3^(3/4) r
  diamond   (|x| + |y|) / sqrt(2) - a
  cross     min over both bars of max(|x| - l, |y| - l/3), l = sqrt(9 pi / 20) r

with y downwards, so that triangles point up. Beyond a corner these are below
the distance, which a soft edge does not show.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

KINDS = ("circle", "square", "triangle", "diamond", "cross")

_HALF_SIDE = math.sqrt(math.pi) / 2
_INRADIUS = math.sqrt(math.pi) / 3**0.75
_BAR = math.sqrt(9 * math.pi / 20)
_DIAGONAL = math.sqrt(math.pi / 2)

# `[K, 4]`: how far left, up, right and down an outline of radius 1 reaches.
REACH = np.array(
  [
    [1, 1, 1, 1],
    [_HALF_SIDE] * 4,
    [_INRADIUS * side for side in (math.sqrt(3), 2, math.sqrt(3), 1)],
    [_DIAGONAL] * 4,
    [_BAR] * 4,
  ],
  np.float32,
)


def signed_distances(
  x: ArrayLike, y: ArrayLike, r: ArrayLike
) -> list[jax.Array]:
  """Returns the distance `[...]` to the outline of every kind; inside below 0.

  Args:
    x, y: `[...]`, the point seen from the center, y downwards.
    r: `[...]`, the radius, in the same unit.
  """
  x, y, r = map(jnp.asarray, (x, y, r))
  ax, ay = jnp.abs(x), jnp.abs(y)
  long, thin = _BAR * r, _BAR / 3 * r
  return [
    jnp.sqrt(x * x + y * y) - r,
    jnp.maximum(ax, ay) - _HALF_SIDE * r,
    jnp.maximum(y, math.sqrt(3) / 2 * ax - y / 2) - _INRADIUS * r,
    (ax + ay) / math.sqrt(2) - _HALF_SIDE * r,
    jnp.minimum(
      jnp.maximum(ax - long, ay - thin), jnp.maximum(ax - thin, ay - long)
    ),
  ]


def coverage(
  kinds: ArrayLike, x: ArrayLike, y: ArrayLike, r: ArrayLike
) -> jax.Array:
  """Returns the share of a pixel inside an outline, `[...]`, all in pixels.

  A straight edge at distance d covers clip(1/2 - d, 0, 1) of a pixel. A kind
  that is no row of `KINDS` covers nothing.
  """
  kinds = jnp.asarray(kinds)
  chosen = jnp.asarray(jnp.inf)
  # XLA fuses a chain of choices; a sum over a stack of all runs 10x slower.
  for kind, distance in enumerate(signed_distances(x, y, r)):
    chosen = jnp.where(kinds == kind, distance, chosen)
  return jnp.clip(0.5 - chosen, 0, 1)
