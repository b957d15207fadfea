"""T5's relative positions: a number per head and distance, learned.

Raffel et al. 2020. Distances fall into buckets, one each while they are short
and then one per stretch that grows like a logarithm, so that few numbers serve
any length.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import name_axes

BUCKETS = 32
FURTHEST = 128


def distance_buckets(
  distances: jax.Array, *, buckets: int = BUCKETS, furthest: int = FURTHEST
) -> jax.Array:
  """Buckets of distances `d >= 0`: with `e = buckets / 2`,

  d                                               for d < e,
  e + floor(e log(d / e) / log(furthest / e))     up to buckets - 1.
  """
  exact = buckets // 2
  # A distance of 0 has no logarithm; it is exact anyway.
  stretch = jnp.log(jnp.maximum(distances, 1) / exact)
  far = exact + (stretch / math.log(furthest / exact) * exact).astype(jnp.int32)
  return jnp.where(distances < exact, distances, jnp.minimum(far, buckets - 1))


def offset_buckets(
  offsets: jax.Array, *, buckets: int = BUCKETS, furthest: int = FURTHEST
) -> jax.Array:
  """Buckets of signed offsets: one half for what is behind, one for ahead."""
  half = buckets // 2
  near = distance_buckets(jnp.abs(offsets), buckets=half, furthest=furthest)
  return near + jnp.where(offsets > 0, half, 0)


class RelativeBias(nn.Module):
  """`b[h, bucket]`, added to the scores of attention, shared by all layers.

  It starts at zero (`[OURS]`; T5 draws it at random).
  """

  heads: int

  @nn.compact
  def __call__(self, buckets: jax.Array) -> jax.Array:
    """`[H, T, S]` of the buckets `[T, S]`."""
    table = self.param(
      "table",
      name_axes(nn.initializers.zeros, ("norm", "levels")),
      (self.heads, BUCKETS),
    )
    return table[:, buckets]
