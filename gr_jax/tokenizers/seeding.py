"""Where k-means starts: `[C, D]` seeds from rows `[N, D]`.

k-means++ finds the clusters that are there. The residuals of a first level
have none left: there a row is far from every other row, a seed on it attracts
only itself, and the mean of two rows is the better start.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

Seed = Callable[..., jax.Array]
"""(rows `[N, D]`, key, *, num_clusters) -> seeds `[C, D]`."""

SAMPLE_ROWS = 8192  # One pass per seed over all rows would outlast Lloyd's.


def plus_plus(x: jax.Array, key: jax.Array, *, num_clusters: int) -> jax.Array:
  """k-means++ seeds `[C, D]` from rows `[N, D]`, greedy (scikit-learn's).

  Each next seed is the best of `2 + ln C` rows, drawn with probability
  proportional to the squared distance to the seeds so far; evenly where all
  distances are zero. Best leaves the least summed distance.
  """
  trials = 2 + int(math.log(num_clusters))
  keys = jax.random.split(key, num_clusters)
  norms = jnp.sum(jnp.square(x), axis=-1)

  def distances(rows):
    square = norms[rows][:, None] + norms - 2.0 * (x[rows] @ x.T)
    return jnp.maximum(square, 0.0)

  def draw(i, carry):
    chosen, nearest = carry
    logits = jnp.log(nearest + 1e-20)
    rows = jax.random.categorical(keys[i], logits, shape=(trials,))
    left = jnp.minimum(nearest, distances(rows))
    best = jnp.argmin(jnp.sum(left, axis=-1))
    return chosen.at[i].set(rows[best]), left[best]

  first = jax.random.randint(keys[0], (1,), 0, x.shape[0])
  chosen = jnp.zeros(num_clusters, first.dtype).at[0].set(first[0])
  start = chosen, distances(first)[0]
  return x[jax.lax.fori_loop(1, num_clusters, draw, start)[0]]


@functools.partial(jax.jit, static_argnames="num_clusters")
def sampled_seeds(
  x: jax.Array, key: jax.Array, *, num_clusters: int
) -> jax.Array:
  """Seeds `[C, D]` from `max(8192, 8 C)` random rows of `[N, D]`."""
  rows_key, seed_key = jax.random.split(key)
  size = min(max(SAMPLE_ROWS, 8 * num_clusters), x.shape[0])
  rows = jax.random.choice(rows_key, x.shape[0], (size,), replace=False)
  return plus_plus(x[rows], seed_key, num_clusters=num_clusters)


@functools.partial(jax.jit, static_argnames="num_clusters")
def pair_means(x: jax.Array, key: jax.Array, *, num_clusters: int) -> jax.Array:
  """Seeds `[C, D]`: each the mean of two random rows (our design)."""
  rows = jax.random.randint(key, (num_clusters, 2), 0, x.shape[0])
  return jnp.mean(x[rows], axis=1)
