"""Vocabularies: few emoji of a file that no judge can mistake for each other.

An emoji stands in a cell of `c x c` pixels at one of nine places. Two are as
far apart as their nearest pictures are ([OURS]):

  d(i, j) = min over places p, q of rms(cell with i at p - cell with j at q).

Of the file's emoji those are chosen that are farthest apart, one after another,
each as far as possible from the empty cell and all before it (Gonzalez 1985),
and none that fits one before it, as `fits_of` says.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from flax import struct

from gr_jax.data.worlds.emoji.bitmaps import bitmap
from gr_jax.data.worlds.emoji.files import EmojiFile, read_emoji
from gr_jax.data.worlds.emoji.fits import LEAST_FIT, fits_of, ink_at_places
from gr_jax.data.worlds.emoji.names import is_plain

CATEGORIES = ("Animals & Nature", "Food & Drink")
# Of the root mean square over a cell, where pictures span -1 to 1.
LEAST_DISTANCE = 0.25

_SMALLEST_CELL, _CELL_STEP = 16, 8
_fits_of = jax.jit(fits_of)


@struct.dataclass
class Vocabulary:
  """The emoji of a world.

  Attributes:
    sprites: `[K, s, s, 3]` float32 in [-1, 1], on white.
    names: The K names.
    cell: The side of a cell in pixels.
  """

  sprites: np.ndarray
  names: tuple[str, ...] = struct.field(pytree_node=False)
  cell: int = struct.field(pytree_node=False)

  def __len__(self) -> int:
    return len(self.names)


def load_vocabulary(
  path: str | Path,
  *,
  num: int = 40,
  cell: int = 16,
  categories: Sequence[str] = CATEGORIES,
) -> Vocabulary:
  """Chooses `num` emoji of a file, see `read_emoji` for its form.

  Args:
    path: A Parquet file or a font.
    num: The number of emoji.
    cell: The side of a cell in pixels, a multiple of 8 from 16 on.
    categories: The categories to choose from.

  Raises:
    FileNotFoundError, ImportError: see `read_emoji`.
    ValueError: the file has fewer emoji with plain names, or so alike that they
      cannot be told apart.
  """
  file = read_emoji(path)
  return choose_vocabulary(file, num=num, cell=cell, categories=categories)


def choose_vocabulary(
  file: EmojiFile, *, num: int, cell: int, categories: Sequence[str]
) -> Vocabulary:
  """Chooses from what a file holds, whatever the order of its rows."""
  if cell < _SMALLEST_CELL or cell % _CELL_STEP:
    raise ValueError(
      f"cell is {cell}; give a multiple of {_CELL_STEP} from "
      f"{_SMALLEST_CELL} on."
    )
  pngs = {
    name: png
    for name, category, png in sorted(zip(*file))
    if is_plain(name) and category in categories
  }
  found = {n: bitmap(png, side=cell * 7 // 8) for n, png in pngs.items()}
  found = {n: sprite for n, sprite in found.items() if sprite is not None}
  if not 0 < num <= len(found):
    known = sorted(set(file.categories))
    raise ValueError(
      f"{len(found)} emoji of {list(categories)} have a name of one or two "
      f"words, {num} are wanted; the file's categories are {known}."
    )
  names, sprites = list(found), np.stack(list(found.values()))
  chosen, distances = _farthest(sprites, num=num, cell=cell)
  if distances[-1] < LEAST_DISTANCE:
    least = int(np.argmax(distances < LEAST_DISTANCE))
    raise ValueError(
      f"only {least} of {len(found)} emoji are {LEAST_DISTANCE} apart, {num} "
      "are wanted; ask for fewer, or give more categories."
    )
  return Vocabulary(
    sprites=sprites[chosen],
    names=tuple(names[k] for k in chosen),
    cell=cell,
  )


def _farthest(
  sprites: np.ndarray, *, num: int, cell: int
) -> tuple[list[int], np.ndarray]:
  """Returns the chosen rows, and how far each is from those before it."""
  table = np.asarray(ink_at_places(sprites, cell=cell))
  n, places = table.shape[:2]
  ink = table.reshape(n * places, -1).astype(np.float64)
  square = np.mean(ink**2, axis=1)
  nearest = square.reshape(n, places).min(axis=1)
  chosen, distances = [], []
  for _ in range(num):
    k = int(np.argmax(nearest))
    chosen.append(k)
    distances.append(np.sqrt(max(nearest[k], 0)))
    rows = slice(k * places, (k + 1) * places)
    common = ink @ ink[rows].T / ink.shape[1]
    gap = square[:, None] + square[rows] - 2 * common
    nearest = np.minimum(nearest, gap.reshape(n, -1).min(axis=1))
    fits = np.asarray(_fits_of(table[None, k], table).fits)[0].max(axis=0)
    nearest[fits >= LEAST_FIT] = 0
  return chosen, np.array(distances)
