"""SIM's general search unit: the few events of a long history that matter.

Two searches give a score to every event; the best `k` are read by the target
attention of `ranking/sim/model.py`, the others are not.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct


@struct.dataclass
class Events:
  """Histories, newest last.

  Attributes:
    vectors: `[B, T, D]` of the items.
    categories: `[B, T]` int32, -1 = unknown.
    ages: `[B, T]` float32, how long ago.
    mask: `[B, T]` bool.
  """

  vectors: jax.Array
  categories: jax.Array
  ages: jax.Array
  mask: jax.Array


# From candidates `[B, D]`, their categories `[B]` and events to `[B, T]`.
Search = Callable[[jax.Array, jax.Array, Events], jax.Array]


def hard_search(
  vectors: jax.Array, categories: jax.Array, events: Events
) -> jax.Array:
  """Events of the candidate's own category, the newest best: `[B, T]`.

  `-inf` for all others. A candidate without a category finds nothing.
  """
  del vectors
  same = events.mask & (events.categories == categories[:, None])
  same &= categories[:, None] >= 0
  return jnp.where(same, jnp.arange(same.shape[1]), -jnp.inf)


def soft_search(
  vectors: jax.Array, categories: jax.Array, events: Events
) -> jax.Array:
  """Inner products with the candidate's vector: `[B, T]`, -inf if masked."""
  del categories
  scores = jnp.einsum("bd,btd->bt", vectors, events.vectors)
  return jnp.where(events.mask, scores, -jnp.inf)


def keep_best(events: Events, scores: jax.Array, *, k: int) -> Events:
  """The `k` events of the highest scores, `[B, k]`; those of -inf are masked.

  Ties go to the older event.
  """
  best, index = jax.lax.top_k(scores, min(k, scores.shape[1]))
  return Events(
    vectors=jnp.take_along_axis(events.vectors, index[..., None], axis=1),
    categories=jnp.take_along_axis(events.categories, index, axis=1),
    ages=jnp.take_along_axis(events.ages, index, axis=1),
    mask=best > -jnp.inf,
  )
