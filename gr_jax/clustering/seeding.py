"""Seeds `[C, D]` for k-means from rows `[N, D]`.

k-means++ finds the clusters that are there, and outliers with them: a seed on
a row that is far from every other row attracts only itself. The residuals of a
first level are nearly all of that kind. The mean of the rows around a seed is
the better start; one pass of mini-batches from there saves Lloyd's iterations.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import cluster_sums
from gr_jax.nn import map_rows

Seed = Callable[..., jax.Array]
"""(rows `[N, D]`, key, *, num_clusters) -> seeds `[C, D]`."""

SAMPLE_ROWS = 8192  # One pass per seed over all rows would outlast Lloyd's.
NEIGHBOURS = 8
BATCH_ROWS = 16  # A cluster.
MOST_BATCHES = 64
DECAY = 0.9


def plus_plus(x: jax.Array, key: jax.Array, *, num_clusters: int) -> jax.Array:
  """k-means++ seeds `[C, D]` from rows `[N, D]`, greedy (scikit-learn's).

  k-means++ is Arthur and Vassilvitskii, SODA 2007.

  Each next seed is the best of `2 + ln C` rows, drawn with probability
  proportional to the squared distance to the seeds so far; evenly where all
  distances are zero. Best leaves the least summed distance. Distances are
  those of the centered rows in bfloat16.
  """
  trials = 2 + int(math.log(num_clusters))
  first_key, draw_key = jax.random.split(key)
  draws = jax.random.uniform(draw_key, (num_clusters, trials))
  rounded = (x - jnp.mean(x, axis=0)).astype(jnp.bfloat16)
  columns = jax.lax.optimization_barrier(rounded.T)
  norms = jnp.sum(jnp.square(rounded.astype(jnp.float32)), axis=-1)

  def distances(rows):
    products = jnp.matmul(
      rounded[rows], columns, preferred_element_type=jnp.float32
    )
    return jnp.maximum(norms[rows][:, None] + norms - 2.0 * products, 0.0)

  def draw(i, carry):
    chosen, nearest = carry
    # One sum and a search: noise for every row would cost more than all else.
    heights = jnp.cumsum(nearest + 1e-20)
    found = jnp.searchsorted(heights, draws[i] * heights[-1], side="right")
    rows = jnp.minimum(found, x.shape[0] - 1).astype(chosen.dtype)
    left = jnp.minimum(nearest, distances(rows))
    best = jnp.argmin(jnp.sum(left, axis=-1))
    return chosen.at[i].set(rows[best]), left[best]

  first = jax.random.randint(first_key, (1,), 0, x.shape[0])
  chosen = jnp.zeros(num_clusters, first.dtype).at[0].set(first[0])
  start = chosen, distances(first)[0]
  return x[jax.lax.fori_loop(1, num_clusters, draw, start)[0]]


def spread_rows(key: jax.Array, *, num_rows: int, size: int) -> jax.Array:
  """`size` distinct row numbers in order, one of each stretch of `N / size`.

  Drawn without the sort of all rows that a permutation needs.
  """
  bounds = np.arange(size + 1, dtype=np.int64) * num_rows // size
  offsets = jax.random.randint(key, (size,), 0, np.diff(bounds))
  return jnp.asarray(bounds[:-1], jnp.int32) + offsets


def neighbour_means(
  x: jax.Array, seeds: jax.Array, *, neighbours: int
) -> jax.Array:
  """The mean `[C, D]` of the rows of `[N, D]` nearest to each seed."""
  norms = jnp.sum(jnp.square(x), axis=-1)

  def mean(seeds):
    rows = jax.lax.top_k(2.0 * seeds @ x.T - norms, neighbours)[1]
    return jnp.mean(x[rows], axis=1)

  return map_rows.map_rows(mean, seeds, size=256)


@functools.partial(jax.jit, static_argnames="num_clusters")
def sampled_seeds(
  x: jax.Array, key: jax.Array, *, num_clusters: int
) -> jax.Array:
  """Seeds `[C, D]` from `max(8192, 8 C)` random rows of `[N, D]`.

  k-means++, then the mean of the 8 nearest rows of the sample, fewer where the
  sample has fewer than 32 per cluster [OURS].
  """
  rows_key, seed_key = jax.random.split(key)
  size = min(max(SAMPLE_ROWS, 8 * num_clusters), x.shape[0])
  sample = x[spread_rows(rows_key, num_rows=x.shape[0], size=size)]
  seeds = plus_plus(sample, seed_key, num_clusters=num_clusters)
  neighbours = min(max(size // (4 * num_clusters), 1), NEIGHBOURS)
  return neighbour_means(sample, seeds, neighbours=neighbours)


@functools.partial(jax.jit, static_argnames="matmul")
def refine(
  x: jax.Array,
  centroids: jax.Array,
  key: jax.Array,
  *,
  matmul: cluster_sums.Matmul = cluster_sums.bf16_products,
) -> jax.Array:
  """Moves centroids `[C, D]` by batches of 16 C of the rows `[N, D]`.

      n_k <- decay n_k + |B_k|;  c_k <- c_k + sum_{x in B_k} (x - c_k) / n_k

  for batches B of rows: mini-batch k-means (Sculley 2010, whose counts never
  fade). In about the time of one of Lloyd's iterations it leaves the error that
  six leave from k-means++ (after Bradley & Fayyad 1998, who refine the start on
  samples).

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
  """`sampled_seeds` after one pass of mini-batches: `[C, D]`."""
  seed_key, batch_key = jax.random.split(key)
  seeds = sampled_seeds(x, seed_key, num_clusters=num_clusters)
  return refine(x, seeds, batch_key)
