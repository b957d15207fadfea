"""The best way to give wanted things the objects that were found."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from gr_jax.data.worlds.scenes.groups import MOST_OBJECTS


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
