r"""Scores of pictures against their captions, from pixels alone ([OURS]).

Exact answers come from the objects that `find_objects` sees. The reward is
smooth, so that pictures of one prompt can be told apart: with n shapes wanted,
m found, the largest total credit of giving each wanted shape one found object,
and the best pair of objects for a place,

  reward = 0.9 (sum_i credit_i + place) / (max(n, m) + [a place is said])
           + 0.1 fidelity
  place  = clip((further along + 0.2) / 0.3, 0, 1) min(credit_1, credit_2)
  fidelity = clip(1 - rms(picture - what was found, drawn) / 0.25, 0, 1).

Whatever a caption says of a shape or a place has the same worth, a shape too
many costs as much as one too few, and noise, specks and odd outlines lower the
fidelity.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax.typing import ArrayLike

from gr_jax.data.worlds.scenes.assignment import best_total
from gr_jax.data.worlds.scenes.relations import NO_RELATION, judge_places
from gr_jax.data.worlds.shapes.credits import credits_of
from gr_jax.data.worlds.shapes.found_objects import (
  MOST_FOUND,
  FoundObjects,
  background_index,
  find_objects,
)
from gr_jax.data.worlds.shapes.outlines import KINDS, coverage
from gr_jax.data.worlds.shapes.palette import COLORS, CORNERS, GRAYS
from gr_jax.data.worlds.shapes.prompts import Prompts
from gr_jax.data.worlds.shapes.render import pixel_centers

# How much further along its axis a shape must be, as a share of the side.
POSITION_MARGIN = 0.1
_FIDELITY_WEIGHT = 0.1
_WORST_ERROR = 0.25


@struct.dataclass
class Scores:
  """What is right about B pictures.

  Attributes:
    count: `[B]` bool, the number of shapes.
    color: `[B]`, the share of shapes with a color that is wanted, of the
      larger of the two numbers of shapes.
    shape: `[B]`, the same of kinds.
    object: `[B]`, the same of colors and kinds together.
    position: `[B]` bool, the first shape stands to the second as the caption
      says; True where it says nothing.
    background: `[B]` bool.
    exact: `[B]` bool, all of these.
    fidelity: `[B]`, how much the picture is one that the world draws.
    reward: `[B]`, between 0 and 1.
  """

  count: jax.Array
  color: jax.Array
  shape: jax.Array
  object: jax.Array
  position: jax.Array
  background: jax.Array
  exact: jax.Array
  fidelity: jax.Array
  reward: jax.Array


@jax.jit
def judge(pictures: jax.Array, prompts: Prompts) -> Scores:
  """Scores pictures `[B, S, S, 3]` in [-1, 1] against B prompts."""
  found = find_objects(pictures)
  color_of = jax.nn.one_hot(found.colors, len(COLORS))
  kind_of = jax.nn.one_hot(found.kinds, len(KINDS))
  wanted_count = jnp.sum(prompts.counts, axis=1)
  most = jnp.maximum(wanted_count, found.count)
  weights = prompts.counts[..., None]
  want_color = jax.nn.one_hot(prompts.colors, len(COLORS)) * weights
  want_kind = jax.nn.one_hot(prompts.kinds, len(KINDS)) * weights
  want_pair = want_color[..., None] * jax.nn.one_hot(
    prompts.kinds[..., None], len(KINDS)
  )
  pair_of = color_of[..., None] * kind_of[..., None, :]

  def share(wanted: jax.Array, seen: jax.Array) -> jax.Array:
    """Of both multisets, what they have in common."""
    common = jnp.minimum(jnp.sum(wanted, axis=1), jnp.sum(seen, axis=1))
    return jnp.sum(common.reshape(len(common), -1), axis=1) / most

  count = found.count == wanted_count
  pairs = share(want_pair, pair_of)
  background = background_index(found.background) == prompts.background
  fidelity = _fidelity(pictures, found, prompts.background)
  credits = credits_of(found, prompts)
  position, place = _position(found, prompts, credits)
  said = prompts.relation != NO_RELATION
  content = best_total(credits, prompts.counts) + jnp.where(said, place, 0)
  content /= most + said
  return Scores(
    count=count,
    color=share(want_color, color_of),
    shape=share(want_kind, kind_of),
    object=pairs,
    position=position | ~said,
    background=background,
    exact=count & (pairs == 1) & (position | ~said) & background,
    fidelity=fidelity,
    reward=(1 - _FIDELITY_WEIGHT) * content + _FIDELITY_WEIGHT * fidelity,
  )


def _position(
  found: FoundObjects, prompts: Prompts, credits: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Whether two objects stand as the relation says, and how nearly."""
  # Shapes of a prompt with one group have no places, but are judged as well.
  second = min(1, prompts.counts.shape[1] - 1)

  def is_of(group: int) -> jax.Array:
    color = found.colors == prompts.colors[:, group, None]
    return color & (found.kinds == prompts.kinds[:, group, None])

  return judge_places(
    prompts.relation,
    found.centers,
    are=(is_of(0), is_of(second)),
    credits=(credits[:, 0], credits[:, second]),
    margin=POSITION_MARGIN,
  )


def _fidelity(
  pictures: jax.Array, found: FoundObjects, background: ArrayLike
) -> jax.Array:
  """Compares a picture with what was found, drawn on the wanted background."""
  size = pictures.shape[1]
  px, py = pixel_centers(size)
  center = found.centers * size
  masks = coverage(
    found.kinds[..., None, None],
    px - center[..., 0, None, None],
    py - center[..., 1, None, None],
    found.radii[..., None, None] * size,
  )
  gray = jnp.asarray(GRAYS)[background]
  drawn = jnp.broadcast_to(gray[:, None, None, None], pictures.shape)
  for m in range(MOST_FOUND):
    color = jnp.asarray(CORNERS)[found.colors[:, m]][:, None, None]
    drawn += masks[:, m, ..., None] * (color - drawn)
  error = jnp.mean((jnp.clip(pictures, -1, 1) - drawn) ** 2, axis=(1, 2, 3))
  return jnp.clip(1 - jnp.sqrt(error) / _WORST_ERROR, 0, 1)
