"""Sums of the rows nearest to each centroid, slice by slice.

One slice's `[C, rows]` distances stay in cache; those of all rows would not.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint

from gr_jax.clustering.nearest import first_minimum

SLICE = 1024  # Rows: 1 MB of distances at 256 clusters.

Matmul = Callable[[jax.Array, jax.Array], jax.Array]
"""(centroids `[C, D]`, columns `[D, N]`) -> products `[C, N]`."""


class ClusterSums(NamedTuple):
  """Sums of some rows by their nearest of C centroids.

  Attributes:
    sums: `[C, D]`, the sum of the rows nearest to each centroid.
    counts: `[C]`, the number of these rows.
    error: summed squared distance of the rows to their centroids.
  """

  sums: jax.Array
  counts: jax.Array
  error: jax.Array


def bf16_products(centroids: jax.Array, columns: jax.Array) -> jax.Array:
  """`centroids columns` `[C, N]`, products in bfloat16, sums in float32."""
  centroids = centroids.astype(jnp.bfloat16)
  columns = columns.astype(jnp.bfloat16)
  if jax.default_backend() == "cpu":
    # Turned round before the product, not in it: a fifth faster.
    columns = with_layout_constraint(columns, Layout((0, 1)))
  return jnp.matmul(centroids, columns, preferred_element_type=jnp.float32)


def empty(centroids: jax.Array) -> ClusterSums:
  """The sums of no rows at all."""
  return ClusterSums(
    jnp.zeros_like(centroids), jnp.zeros(len(centroids)), jnp.zeros(())
  )


def whole_slices(count: int) -> int:
  """The least number of rows from `count` on that `add_rows` takes."""
  return count + -count % min(SLICE, count)


def add_rows(
  total: ClusterSums,
  x: jax.Array,
  weights: jax.Array,
  centroids: jax.Array,
  *,
  matmul: Matmul,
) -> ClusterSums:
  """`total` and the rows `[N, D]`, each times its weight `[N]`.

  N must be at most `SLICE` or a multiple of it.
  """
  size = min(SLICE, x.shape[0])
  norms = jnp.sum(jnp.square(centroids), axis=-1)

  def add(total, rows):
    x, weight = rows
    # `[C, rows]`: this order is the faster product on CPU.
    distances = norms[:, None] - 2.0 * matmul(centroids, x.T)
    code = first_minimum(distances, axis=0)
    square = jnp.min(distances, axis=0) + jnp.sum(jnp.square(x), axis=-1)
    return ClusterSums(
      total.sums.at[code].add(x * weight[:, None]),
      total.counts.at[code].add(weight),
      total.error + jnp.sum(jnp.maximum(square, 0.0) * weight),
    ), None

  rows = x.reshape(-1, size, x.shape[1]), weights.reshape(-1, size)
  return jax.lax.scan(add, total, rows)[0]
