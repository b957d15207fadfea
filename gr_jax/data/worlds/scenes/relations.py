"""Places: where one thing of a scene stands, as seen from another.

A scene has `grid x grid` cells, in rows from above. x is to the right, y
downwards, lengths are shares of the picture's side.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

NO_RELATION, LEFT, RIGHT, ABOVE, BELOW = range(5)

_RAMP = 0.3


def cell_places(grid: int) -> np.ndarray:
  """Returns the column and row `[grid^2, 2]` of cells."""
  return np.stack(np.divmod(np.arange(grid**2), grid)[::-1], axis=1)


def draw_cells(
  rng: np.random.Generator, relation: np.ndarray, *, grid: int, num: int
) -> np.ndarray:
  """Draws different cells `[B, num]`; the first two are as the relation says.

  With a relation the first is further along its axis by at least a cell, and by
  no fewer cells than it is off the axis.
  """
  order = rng.random((len(relation), grid**2))
  for kind in (LEFT, RIGHT, ABOVE, BELOW):
    rows = np.flatnonzero(relation == kind)
    pairs = _related_cells(kind, grid)
    pair = pairs[rng.integers(0, len(pairs), len(rows))]
    order[rows[:, None], pair] = [-2, -1]
  return order.argsort(axis=1)[:, :num]


def _related_cells(relation: int, grid: int) -> np.ndarray:
  """Pairs of cells `[n, 2]` of which the first stands so to the second."""
  places = cell_places(grid)
  step = places[None] - places[:, None]  # `[first, second]`, x and y.
  axis = 0 if relation in (LEFT, RIGHT) else 1
  along = step[..., axis] * (1 if relation in (LEFT, ABOVE) else -1)
  return np.argwhere(along >= np.maximum(1, abs(step[..., 1 - axis])))


def further_along(relation: ArrayLike, step: ArrayLike) -> jax.Array:
  """Returns `[...]`: how much further along its axis the first center is.

  Args:
    relation: `[...]`; 0 where it is NO_RELATION.
    step: `[..., 2]`, from the first center to the second.
  """
  x, y = jnp.asarray(step)[..., 0], jnp.asarray(step)[..., 1]
  relation = jnp.asarray(relation)
  further = jnp.zeros_like(x)
  for kind, along in ((LEFT, x), (RIGHT, -x), (ABOVE, y), (BELOW, -y)):
    further = jnp.where(relation == kind, along, further)
  return further


def holds(
  relation: ArrayLike, first: ArrayLike, second: ArrayLike, *, margin: float
) -> jax.Array:
  """Returns `[...]` bool: the first center stands so to the second.

  Args:
    relation: `[...]`; NO_RELATION always holds.
    first, second: `[..., 2]` centers.
    margin: How much further along the axis the first must be.
  """
  further = further_along(relation, jnp.asarray(second) - jnp.asarray(first))
  return (jnp.asarray(relation) == NO_RELATION) | (further > margin)


def judge_places(
  relation: ArrayLike,
  centers: jax.Array,
  *,
  are: tuple[jax.Array, jax.Array],
  credits: tuple[jax.Array, jax.Array],
  margin: float,
) -> tuple[jax.Array, jax.Array]:
  """Judges whether two objects stand as a relation says, and how nearly.

    place = max_{i != j} min(credit_1i, credit_2j)
            clip((further along - margin) / 0.3 + 1, 0, 1)

  Args:
    relation: `[B]`.
    centers: `[B, M, 2]` of found objects.
    are: Two tables `[B, M]` bool: an object is the first, the second thing.
    credits: Two tables `[B, M]`: what it is worth as that.
    margin: How much further along the axis the first must be.

  Returns:
    `[B]` bool, that some pair holds, and place `[B]`, of the pair that is best.
  """
  step = centers[:, None] - centers[:, :, None]  # `[B, first, second]`
  further = further_along(jnp.asarray(relation)[:, None, None], step)
  both = are[0][:, :, None] & are[1][:, None]
  holding = jnp.any(both & (further > margin), axis=(1, 2))
  credit = jnp.minimum(credits[0][:, :, None], credits[1][:, None])
  other = ~jnp.eye(centers.shape[1], dtype=bool)
  place = jnp.clip((further - margin) / _RAMP + 1, 0, 1)
  place = jnp.where(other, credit * place, 0)
  return holding, jnp.max(place, axis=(1, 2))
