"""Scenes: where the shapes of a prompt stand, and how large they are.

The picture has 3 x 3 cells. Every shape has a cell of its own and stands
anywhere in it where a gap to its neighbours is left, so that no two touch.
"""

import numpy as np
from flax import struct

from gr_jax.data.worlds.scenes.groups import MOST_OBJECTS
from gr_jax.data.worlds.scenes.relations import cell_places, draw_cells
from gr_jax.data.worlds.shapes.outlines import REACH
from gr_jax.data.worlds.shapes.prompts import Prompts

GRID = 3
# Shares of the side: 1.5 pixels of 32, and radii of 2.6 to 3.4 pixels.
GAP = 1.5 / 32
SMALLEST, LARGEST = 0.08, 0.106

_CELLS = cell_places(GRID)


@struct.dataclass
class Scenes:
  """B scenes of up to six shapes; lengths are shares of the picture's side.

  Attributes:
    prompts: What their captions say.
    kinds: `[B, 6]` int32 rows of `KINDS`, group by group; -1 after the last.
    colors: `[B, 6]` int32 rows of `COLORS`, -1 after the last.
    centers: `[B, 6, 2]` float32, x to the right and y downwards, of the center
      of mass.
    radii: `[B, 6]` float32, of the circle of the same area; 0 after the last.
  """

  prompts: Prompts
  kinds: np.ndarray
  colors: np.ndarray
  centers: np.ndarray
  radii: np.ndarray

  def __len__(self) -> int:
    return len(self.kinds)

  def __getitem__(self, rows) -> "Scenes":
    """Returns the scenes of rows, by a slice or an array."""
    return Scenes(**{name: value[rows] for name, value in vars(self).items()})

  @property
  def boxes(self) -> np.ndarray:
    """`[B, 6, 4]` float32: left, top, right, bottom; 0 after the last."""
    reach = self.radii[..., None] * REACH[self.kinds]
    ends = [self.centers - reach[..., :2], self.centers + reach[..., 2:]]
    return np.concatenate(ends, axis=-1)


def lay_out(rng: np.random.Generator, prompts: Prompts) -> Scenes:
  """Draws a scene of every prompt.

  With a relation the first shape is further along its axis by at least a cell,
  and by no fewer cells than it is off the axis.
  """
  n, width = prompts.counts.shape
  group = np.arange(MOST_OBJECTS)[:, None] >= prompts.counts.cumsum(1)[:, None]
  group = group.sum(axis=-1)  # `[B, 6]`, `width` after the last shape.
  there = group < width
  rows = np.arange(n)[:, None], np.minimum(group, width - 1)
  kinds = np.where(there, prompts.kinds[rows], -1)
  radii = rng.uniform(SMALLEST, LARGEST, there.shape)
  reach = radii[..., None] * REACH[kinds]
  cells = draw_cells(rng, prompts.relation, grid=GRID, num=MOST_OBJECTS)
  cells = _CELLS[cells]
  low = cells / GRID + GAP / 2 + reach[..., :2]
  high = (cells + 1) / GRID - GAP / 2 - reach[..., 2:]
  centers = low + (high - low) * rng.random(low.shape)
  return Scenes(
    prompts=prompts,
    kinds=kinds.astype(np.int32),
    colors=np.where(there, prompts.colors[rows], -1).astype(np.int32),
    centers=np.where(there[..., None], centers, 0).astype(np.float32),
    radii=np.where(there, radii, 0).astype(np.float32),
  )
