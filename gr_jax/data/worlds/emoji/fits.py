"""How well cells of a picture fit emoji ([OURS]).

Ink is what a picture takes from white, in [-2, 0]. With x the ink of a cell and
t that of an emoji at one of its nine places,

  fit = max_t min(s(x, t), s(x - mean x, t - mean t)),
  s(x, t) = 2 <x, t> / (|x|^2 + |t|^2),

with the mean of each color over the cell: 1 for the emoji itself, and less for
a weaker, moved, blurred or other one. Less their means, two dark spots are not
alike because both are dark.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from gr_jax.data.worlds.emoji.bitmaps import WHITE

PLACES = 3  # Along each axis.
# What fits less is an emoji of none of the names.
LEAST_FIT = 0.8


class Fits(NamedTuple):
  """How B x M cells fit K emoji.

  Attributes:
    fits: `[B, M, K]`, at most 1.
    errors: `[B, M]`, the least mean square of a cell's ink less an emoji's, or
      less none.
  """

  fits: jax.Array
  errors: jax.Array


def ink_at_places(sprites: ArrayLike, *, cell: int) -> jax.Array:
  """Returns the ink `[K, 9, c, c, 3]` of sprites at all places of a cell.

  Args:
    sprites: `[K, s, s, 3]` in [-1, 1], on white.
    cell: The side c of a cell in pixels.
  """
  ink = jnp.asarray(sprites) - WHITE
  spare = cell - ink.shape[1]
  steps = [round(spare * k / (PLACES - 1)) for k in range(PLACES)]
  placed = [
    jnp.pad(ink, ((0, 0), (y, spare - y), (x, spare - x), (0, 0)))
    for y in steps
    for x in steps
  ]
  return jnp.stack(placed, axis=1)


def fits_of(ink: jax.Array, table: jax.Array) -> Fits:
  """Compares cells `[B, M, c, c, 3]` with `ink_at_places`."""
  x, t = ink.reshape(*ink.shape[:2], -1), table.reshape(*table.shape[:2], -1)
  common, square = _products(x, t)
  # What the means have in common: the square root of c^2 pixels times each.
  cell = ink.shape[2]
  flat, flat_square = _products(
    cell * jnp.mean(ink, axis=(2, 3)), cell * jnp.mean(table, axis=(2, 3))
  )
  detail = (common - flat) / (square - flat_square)
  left = jnp.min(square - 2 * common, axis=(-2, -1))
  left = jnp.clip(jnp.minimum(left, jnp.sum(x**2, axis=-1)), 0)
  return Fits(
    fits=2 * jnp.max(jnp.minimum(common / square, detail), axis=-1),
    errors=left / x.shape[-1],
  )


def _products(x: jax.Array, t: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Returns <x, t> and |x|^2 + |t|^2, `[B, M, K, 9]`."""
  common = jnp.einsum("bmd,kpd->bmkp", x, t, precision="highest")
  square = jnp.sum(x**2, axis=-1)[..., None, None] + jnp.sum(t**2, axis=-1)
  return common, square
