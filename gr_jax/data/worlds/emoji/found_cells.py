"""What stands in the cells of a picture, from pixels alone ([OURS]).

A cell is filled as far as its ink, averaged over its 8 x 8 blocks, is strong:

  filled = clip(2 rms(x) / rms(weakest emoji) - 1/2, 0, 1),

so that noise is not taken for an emoji.
"""

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.data.worlds.emoji.bitmaps import WHITE
from gr_jax.data.worlds.emoji.fits import LEAST_FIT, fits_of, ink_at_places
from gr_jax.data.worlds.emoji.render import cells_of
from gr_jax.data.worlds.emoji.vocabulary import Vocabulary

_BLOCKS = 8


@struct.dataclass
class FoundCells:
  """The M cells of B pictures.

  Attributes:
    filled: `[B, M]`, between 0 and 1.
    present: `[B, M]` bool, something stands there: filled more than half.
    kinds: `[B, M]` int32 rows of the vocabulary, -1 for another thing or none.
    fits: `[B, M, K]` as each emoji, see `fits_of`.
    errors: `[B, M]`, the mean square of what is left of a cell less the nearest
      emoji, or none.
  """

  filled: jax.Array
  present: jax.Array
  kinds: jax.Array
  fits: jax.Array
  errors: jax.Array

  @property
  def count(self) -> jax.Array:
    """`[B]` int32, the number of cells where something stands."""
    return jnp.sum(self.present, axis=1)


def find_cells(pictures: jax.Array, vocabulary: Vocabulary) -> FoundCells:
  """Reads pictures `[B, S, S, 3]` in [-1, 1]; values past that are clipped."""
  cell = vocabulary.cell
  ink = cells_of(jnp.clip(pictures, -1, 1) - WHITE, cell=cell)
  table = ink_at_places(vocabulary.sprites, cell=cell)
  fits, errors = fits_of(ink, table)
  weakest = jnp.min(_strength(table))
  filled = jnp.clip(2 * _strength(ink) / weakest - 0.5, 0, 1)
  present = filled > 0.5
  known = present & (jnp.max(fits, axis=-1) >= LEAST_FIT)
  return FoundCells(
    filled=filled,
    present=present,
    kinds=jnp.where(known, jnp.argmax(fits, axis=-1), -1),
    fits=fits,
    errors=errors,
  )


def _strength(ink: jax.Array) -> jax.Array:
  """Returns the rms `[...]` of averaged blocks of cells `[..., c, c, 3]`."""
  *batch, cell, _, channels = ink.shape
  block = cell // _BLOCKS
  blocks = ink.reshape(*batch, _BLOCKS, block, _BLOCKS, block, channels)
  mean = jnp.mean(blocks, axis=(-4, -2))
  return jnp.sqrt(jnp.mean(mean**2, axis=(-3, -2, -1)))
