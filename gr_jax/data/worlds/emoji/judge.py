r"""Scores of pictures against their captions, from pixels alone ([OURS]).

Exact answers come from the cells that `find_cells` reads. The reward is smooth,
so that pictures of one prompt can be told apart: with n emoji wanted, cells
filled by f_1 ... f_M, the largest total credit of giving each wanted emoji one
cell, and the best pair of cells for a place,

  reward = 0.9 (sum_i credit_i + place) / (max(n, sum_m f_m) + p)
           + 0.1 fidelity, p = 1 where a place is said, else 0
  credit = fit_k^+ (1 + 3 softmax(fits / 0.02)_k) / 4
  fidelity = clip(1 - rms(picture - what was found, drawn) / 0.25, 0, 1).

Whatever a caption says of an emoji or a place has the same worth, an emoji too
many costs as much as one too few, and noise and odd pixels lower the fidelity.
A cell that fits another emoji better is worth little more than a quarter of its
fit, however alike the two are.
"""

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.data.worlds.emoji.found_cells import FoundCells, find_cells
from gr_jax.data.worlds.emoji.prompts import Prompts
from gr_jax.data.worlds.emoji.vocabulary import Vocabulary
from gr_jax.data.worlds.scenes.assignment import best_total
from gr_jax.data.worlds.scenes.relations import (
  NO_RELATION,
  cell_places,
  judge_places,
)

_KIND_TEMPERATURE = 0.02
_FIDELITY_WEIGHT = 0.1
_WORST_ERROR = 0.25


@struct.dataclass
class Scores:
  """What is right about B pictures.

  Attributes:
    count: `[B]` bool, the number of emoji.
    object: `[B]`, the share of emoji that are wanted, of the larger of the two
      numbers of emoji.
    position: `[B]` bool, the first emoji stands to the second as the caption
      says; True where it says nothing.
    exact: `[B]` bool, all of these.
    fidelity: `[B]`, how much the picture is one that the world draws.
    reward: `[B]`, between 0 and 1.
  """

  count: jax.Array
  object: jax.Array
  position: jax.Array
  exact: jax.Array
  fidelity: jax.Array
  reward: jax.Array


@jax.jit
def judge(
  pictures: jax.Array, prompts: Prompts, vocabulary: Vocabulary
) -> Scores:
  """Scores pictures `[B, S, S, 3]` in [-1, 1] against B prompts."""
  found = find_cells(pictures, vocabulary)
  wanted_count = jnp.sum(prompts.counts, axis=1)
  wanted = jax.nn.one_hot(prompts.kinds, len(vocabulary))
  wanted = jnp.sum(wanted * prompts.counts[..., None], axis=1)
  seen = jnp.sum(jax.nn.one_hot(found.kinds, len(vocabulary)), axis=1)
  common = jnp.sum(jnp.minimum(wanted, seen), axis=1)
  right = common / jnp.maximum(wanted_count, found.count)
  credits = _credits(found, prompts)
  position, place = _position(found, prompts, credits)
  said = prompts.relation != NO_RELATION
  content = best_total(credits, prompts.counts) + jnp.where(said, place, 0)
  content /= jnp.maximum(wanted_count, jnp.sum(found.filled, axis=1)) + said
  error = jnp.sqrt(jnp.mean(found.errors, axis=1))
  fidelity = jnp.clip(1 - error / _WORST_ERROR, 0, 1)
  return Scores(
    count=found.count == wanted_count,
    object=right,
    position=position | ~said,
    # With every object right, so is their number.
    exact=(right == 1) & (position | ~said),
    fidelity=fidelity,
    reward=(1 - _FIDELITY_WEIGHT) * content + _FIDELITY_WEIGHT * fidelity,
  )


def _credits(found: FoundCells, prompts: Prompts) -> jax.Array:
  """Returns `[B, G, M]`, what a cell is worth as an emoji of a group."""
  shares = jax.nn.softmax(found.fits / _KIND_TEMPERATURE, axis=-1)
  credits = jnp.maximum(found.fits, 0) * (1 + 3 * shares) / 4
  of_group = jnp.take_along_axis(credits, prompts.kinds[:, None], axis=2)
  return jnp.moveaxis(of_group, 1, 2)


def _position(
  found: FoundCells, prompts: Prompts, credits: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Whether two emoji stand as the relation says, and how nearly."""
  # Prompts with one group have no places, but are judged as well.
  second = min(1, prompts.counts.shape[1] - 1)
  num_cells = found.kinds.shape[1]
  grid = round(num_cells**0.5)
  centers = jnp.asarray((cell_places(grid) + 0.5) / grid, credits.dtype)
  return judge_places(
    prompts.relation,
    jnp.broadcast_to(centers, (len(credits), num_cells, 2)),
    are=(
      found.kinds == prompts.kinds[:, :1],
      found.kinds == prompts.kinds[:, second, None],
    ),
    credits=(credits[:, 0], credits[:, second]),
    margin=0.5 / grid,
  )
