r"""HSTU's relative bias: what a score gains by distance in places and in time.

  b_ij = p[i - j] + τ[min(floor(ln(max(1, |t_{i+1} - t_j|)) / 0.301), 127)]

(arXiv 2402.17152 and its code.) Place `i` predicts what comes next: its time is
that of the place behind it, which at the end is that of the request. Of one
layer, and the same for all of its heads.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import name_axes

BUCKETS = 128
_WIDTH = 0.301


class Relation(NamedTuple):
  """What lies between places.

  Attributes:
    distance: `[..., Q, K]` int32, `i - j`.
    bucket: `[R, Q, K]` int8, the row of `τ`.
  """

  distance: jax.Array
  bucket: jax.Array


def time_bucket(seconds: jax.Array) -> jax.Array:
  """The row of `τ`, int8, of any number of seconds."""
  gap = jnp.maximum(jnp.abs(seconds), 1).astype(jnp.float32)
  bucket = jnp.floor(jnp.log(gap) / _WIDTH)
  return jnp.minimum(bucket, BUCKETS - 1).astype(jnp.int8)


class RelativeBias(nn.Module):
  """`b`, `[R, Q, K]`.

  Attributes:
    places: rows of `p`; what is further away has the last one.
  """

  places: int

  @nn.compact
  def __call__(self, relation: Relation) -> jax.Array:
    init = name_axes(nn.initializers.normal(0.02), ("norm",))
    places = self.param("places", init, (self.places,))
    times = self.param("times", init, (BUCKETS,))
    distance = jnp.clip(relation.distance, 0, self.places - 1)
    return places[distance] + times[relation.bucket.astype(jnp.int32)]
