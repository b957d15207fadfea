"""Mini-batch k-means: many small moves of the centroids in one pass.

    n_k <- decay n_k + |B_k|;  c_k <- c_k + sum_{x in B_k} (x - c_k) / n_k

for batches B of rows (Sculley 2010, whose counts never fade). It is where
Lloyd's iterations start: in about the time of one it leaves the error that six
leave from k-means++, and few more are needed (after Bradley & Fayyad 1998, who
refine the start on samples).
"""

import functools

import jax
import jax.numpy as jnp

from gr_jax.clustering import cluster_sums, seeding

BATCH_ROWS = 16  # A cluster.
MOST_BATCHES = 64
DECAY = 0.9


@functools.partial(jax.jit, static_argnames="matmul")
def refine(
  x: jax.Array,
  centroids: jax.Array,
  key: jax.Array,
  *,
  matmul: cluster_sums.Matmul = cluster_sums.bf16_products,
) -> jax.Array:
  """Moves centroids `[C, D]` by batches of 16 C of the rows `[N, D]`.

  As many batches as N rows fill, at most 64; none where they fill not one.
  Each spreads evenly over all rows, and no row is in two.
  """
  size = cluster_sums.whole_slices(BATCH_ROWS * len(centroids))
  stride = x.shape[0] // size
  spare = x.shape[0] - stride * size
  first = jax.random.randint(key, (), 0, spare + 1)
  weights = jnp.ones(size)

  def move(carry, batch):
    centroids, memory = carry
    rows = first + batch + stride * jnp.arange(size)
    found = cluster_sums.add_rows(
      cluster_sums.empty(centroids), x[rows], weights, centroids, matmul=matmul
    )
    memory = DECAY * memory + found.counts
    gap = found.sums - found.counts[:, None] * centroids
    return (centroids + gap / jnp.maximum(memory, 1.0)[:, None], memory), None

  start = centroids, jnp.zeros(len(centroids))
  batches = jnp.arange(min(stride, MOST_BATCHES))
  return jax.lax.scan(move, start, batches)[0][0]


def refined_seeds(
  x: jax.Array, key: jax.Array, *, num_clusters: int
) -> jax.Array:
  """`seeding.sampled_seeds` after one pass of mini-batches: `[C, D]`."""
  seed_key, batch_key = jax.random.split(key)
  seeds = seeding.sampled_seeds(x, seed_key, num_clusters=num_clusters)
  return refine(x, seeds, batch_key)
