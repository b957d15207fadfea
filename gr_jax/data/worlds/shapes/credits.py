r"""What found objects are worth as wanted shapes ([OURS]).

  credit = (color + kind + 2 color kind) / 4
  color  = 1 - max |rgb - wanted| / 2
  kind   = softmax_k(fit_k / 0.01)_wanted max_k fit_k min(1, r / low, high / r)

with low and high the radii between which a shape is one of the world's.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from gr_jax.data.worlds.shapes.found_objects import RADII, FoundObjects
from gr_jax.data.worlds.shapes.palette import CORNERS
from gr_jax.data.worlds.shapes.prompts import MOST_OBJECTS, Prompts

_KIND_TEMPERATURE = 0.01


def credits_of(found: FoundObjects, prompts: Prompts) -> jax.Array:
  """Returns `[B, G, M]`, what an object is worth as a shape of a group."""
  wanted = jnp.asarray(CORNERS)[prompts.colors]
  error = jnp.abs(found.rgb[:, None] - wanted[:, :, None])
  color = jnp.clip(1 - jnp.max(error, axis=-1) / 2, 0, 1)
  fit = jnp.clip(jnp.max(found.fits, axis=-1, keepdims=True), 0, 1)
  low, high = RADII
  r = jnp.maximum(found.radii, 1e-6)[..., None]
  fit *= jnp.clip(jnp.minimum(r / low, high / r), 0, 1)
  kinds = fit * jax.nn.softmax(found.fits / _KIND_TEMPERATURE, axis=-1)
  kind = jnp.take_along_axis(kinds, prompts.kinds[:, None], axis=2)
  kind = jnp.moveaxis(kind, 1, 2)
  credit = (color + kind + 2 * color * kind) / 4
  return jnp.where(found.present[:, None], credit, 0)


def best_total(credits: jax.Array, counts: ArrayLike) -> jax.Array:
  """Returns the largest total credit of wanted shapes, `[B]`.

  Every wanted shape is given at most one object and no object twice. The best
  way is exact, by Bellman's recursion over the sets S of wanted shapes that the
  first m objects serve:

    V_m(S) = max(V_{m-1}(S), max_{n in S} V_{m-1}(S - n) + credit_{n m}).

  Args:
    credits: `[B, G, M]` of objects as shapes of a group.
    counts: `[B, G]`, the shapes that a group wants.
  """
  counts = jnp.asarray(counts)
  ends = jnp.cumsum(counts, axis=1)[:, None]
  place = jnp.arange(MOST_OBJECTS)[:, None]
  of_group = (place >= ends - counts[:, None]) & (place < ends)
  table = jnp.einsum("bng,bgm->bnm", of_group.astype(credits.dtype), credits)
  sets, bits = jnp.arange(2**MOST_OBJECTS), 1 << place
  without = sets & ~bits  # `[6, 64]`, the set itself where it lacks the shape.

  def serve(m, best):
    with_shape = best[:, without] + table[:, :, m, None]
    with_shape = jnp.where(sets & bits > 0, with_shape, 0)
    return jnp.maximum(best, jnp.max(with_shape, axis=1))

  start = jnp.zeros((len(table), len(sets)), table.dtype)
  return jax.lax.fori_loop(0, table.shape[2], serve, start)[:, -1]
