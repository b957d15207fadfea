"""Scenes: which cells the emoji of a prompt stand in, and where in them."""

import numpy as np
from flax import struct

from gr_jax.data.worlds.emoji.fits import PLACES
from gr_jax.data.worlds.emoji.prompts import Prompts
from gr_jax.data.worlds.scenes.relations import draw_cells


@struct.dataclass
class Scenes:
  """B scenes of up to N emoji.

  Attributes:
    prompts: What their captions say.
    kinds: `[B, N]` int32 rows of the vocabulary, group by group; -1 after the
      last.
    cells: `[B, N]` int32, along rows from above, no two of a scene the same;
      -1 after the last.
    places: `[B, N]` int32, of the nine in a cell, along rows.
  """

  prompts: Prompts
  kinds: np.ndarray
  cells: np.ndarray
  places: np.ndarray

  def __len__(self) -> int:
    return len(self.kinds)

  def __getitem__(self, rows) -> "Scenes":
    """Returns the scenes of rows, by a slice or an array."""
    return Scenes(**{name: value[rows] for name, value in vars(self).items()})


def lay_out(
  rng: np.random.Generator, prompts: Prompts, *, grid: int, max_objects: int
) -> Scenes:
  """Draws a scene of every prompt; cells are as its relation says."""
  n, width = prompts.counts.shape
  ends = prompts.counts.cumsum(axis=1)
  group = (np.arange(max_objects)[:, None] >= ends[:, None]).sum(axis=-1)
  there = group < width  # `[B, N]`; `width` after the last emoji.
  rows = np.arange(n)[:, None], np.minimum(group, width - 1)
  cells = draw_cells(rng, prompts.relation, grid=grid, num=max_objects)
  places = rng.integers(0, PLACES**2, there.shape)
  return Scenes(
    prompts=prompts,
    kinds=np.where(there, prompts.kinds[rows], -1).astype(np.int32),
    cells=np.where(there, cells, -1).astype(np.int32),
    places=np.where(there, places, 0).astype(np.int32),
  )
