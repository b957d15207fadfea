"""Pictures of scenes, and their cells."""

import functools

import jax
import jax.numpy as jnp

from gr_jax.data.worlds.emoji.bitmaps import WHITE
from gr_jax.data.worlds.emoji.fits import ink_at_places
from gr_jax.data.worlds.emoji.scenes import Scenes
from gr_jax.data.worlds.emoji.vocabulary import Vocabulary


@functools.partial(jax.jit, static_argnames="grid")
def render(
  scenes: Scenes, vocabulary: Vocabulary, *, grid: int = 2
) -> jax.Array:
  """Draws the emoji of scenes in their cells, on white.

  Returns:
    `[B, S, S, 3]` float32 in [-1, 1], S = grid * cell.
  """
  table = ink_at_places(vocabulary.sprites, cell=vocabulary.cell)
  ink = table[scenes.kinds, scenes.places]  # `[B, N, c, c, 3]`
  # A cell of -1 is none: nothing is drawn after the last emoji.
  of_cell = scenes.cells[..., None] == jnp.arange(grid**2)
  ink = jnp.where(of_cell[..., None, None, None], ink[:, :, None], 0)
  return pictures_of(WHITE + jnp.sum(ink, axis=1))


def pictures_of(cells: jax.Array) -> jax.Array:
  """Puts cells `[B, grid^2, c, c, 3]` together: `[B, S, S, 3]`."""
  n, m, c, _, channels = cells.shape
  grid = round(m**0.5)
  rows = cells.reshape(n, grid, grid, c, c, channels)
  return rows.swapaxes(2, 3).reshape(n, grid * c, grid * c, channels)


def cells_of(pictures: jax.Array, *, cell: int) -> jax.Array:
  """Cuts pictures `[B, S, S, 3]` into cells `[B, grid^2, c, c, 3]`."""
  n, size, _, channels = pictures.shape
  grid = size // cell
  rows = pictures.reshape(n, grid, cell, grid, cell, channels)
  return rows.swapaxes(2, 3).reshape(n, grid**2, cell, cell, channels)
