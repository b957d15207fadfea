"""Balanced k-means, whose clusters have equal sizes (OneRec, arXiv 2502.18965).

repeat: U <- all rows; for k = 0 .. C-1: take the w_k rows of U nearest to c_k,
c_k <- their mean
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import kmeans


def _sweep(x, norms, centroids, sizes, *, most):
  """Each cluster in turn takes its nearest rows of those without a code.

  Args:
    x: `[N, D]`.
    norms: `[N]`, the rows' squared norms.
    centroids: `[C, D]`.
    sizes: `[C]` int32, the rows of each cluster; the last takes what is left.
    most: The largest of them but for the last.
  """
  count, clusters = x.shape[0], centroids.shape[0]

  def step(k, carry):
    centroids, codes = carry
    distance = norms - 2.0 * (x @ centroids[k])
    left = jnp.where(codes < 0, distance, jnp.inf)
    rows = jax.lax.top_k(-left, most)[1]
    taken = jnp.arange(most) < sizes[k]
    mean = jnp.sum(jnp.where(taken[:, None], x[rows], 0.0), axis=0) / sizes[k]
    rows = jnp.where(taken, rows, count)
    return centroids.at[k].set(mean), codes.at[rows].set(k, mode="drop")

  start = centroids, jnp.full(count, -1, jnp.int32)
  centroids, codes = jax.lax.fori_loop(0, clusters - 1, step, start)
  rest_mask = codes < 0
  mean = jnp.sum(jnp.where(rest_mask[:, None], x, 0.0), axis=0) / sizes[-1]
  return centroids.at[-1].set(mean), jnp.where(rest_mask, clusters - 1, codes)


@functools.partial(jax.jit, static_argnames=("iterations", "most"))
def _balance(x, centroids, sizes, *, iterations, most) -> kmeans.KMeans:
  norms = jnp.sum(jnp.square(x), axis=-1)

  def step(carry, _):
    centroids, codes = _sweep(x, norms, carry[0], sizes, most=most)
    error = jnp.mean(jnp.sum(jnp.square(x - centroids[codes]), axis=-1))
    return (centroids, codes), error

  start = centroids, jnp.zeros(x.shape[0], jnp.int32)
  (centroids, codes), errors = jax.lax.scan(step, start, length=iterations)
  return kmeans.KMeans(centroids, codes, errors[-1], errors)


def fit(
  x: jax.Array, *, num_clusters: int, key: jax.Array, iterations: int = 10
) -> kmeans.KMeans:
  """Clusters `[N, D]` into sizes of exactly `N // C`, the last the remainder.

  `codes` are the balanced ones; the nearest centroid of a row may be another.

  Raises:
    ValueError: fewer rows than clusters.
  """
  sizes = np.full(num_clusters, x.shape[0] // max(num_clusters, 1))
  sizes[-1:] += x.shape[0] - sizes.sum()
  return _fit(x, sizes, key=key, iterations=iterations)


def fit_even(
  x: jax.Array, *, num_clusters: int, key: jax.Array, iterations: int = 10
) -> kmeans.KMeans:
  """Clusters `[N, D]` into sizes that differ by one row at most.

  The first `N % C` clusters have `N // C + 1` rows, the others `N // C`. OneRec
  leaves up to `C - 1` rows more to the last one, which a codebook as large as
  half of the catalogue feels `[OURS]`.

  Raises:
    ValueError: fewer rows than clusters.
  """
  width, longer = divmod(x.shape[0], max(num_clusters, 1))
  sizes = width + (np.arange(num_clusters) < longer)
  return _fit(x, sizes, key=key, iterations=iterations)


def _fit(x, sizes: np.ndarray, *, key, iterations: int) -> kmeans.KMeans:
  start = kmeans.fit(x, num_clusters=len(sizes), key=key, iterations=2)
  most = int(sizes[:-1].max(initial=1))
  return _balance(
    x,
    start.centroids,
    jnp.asarray(sizes, jnp.int32),
    iterations=iterations,
    most=most,
  )
