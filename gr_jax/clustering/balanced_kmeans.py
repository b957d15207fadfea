"""Balanced k-means, whose clusters have equal sizes (OneRec, arXiv 2502.18965).

w = N // C;  repeat: U <- all rows; for k = 0 .. C-1: take the w rows of U
nearest to c_k (the last cluster takes the remainder), c_k <- their mean
"""

import functools

import jax
import jax.numpy as jnp

from gr_jax.clustering import kmeans


def _sweep(x, norms, centroids):
  """Each cluster in turn takes its nearest rows of those without a code."""
  count, clusters = x.shape[0], centroids.shape[0]
  width = count // clusters

  def step(k, carry):
    centroids, codes = carry
    distance = norms - 2.0 * (x @ centroids[k])
    left = jnp.where(codes < 0, distance, jnp.inf)
    rows = jax.lax.top_k(-left, width)[1]
    mean = jnp.mean(x[rows], axis=0)
    return centroids.at[k].set(mean), codes.at[rows].set(k)

  start = centroids, jnp.full(count, -1, jnp.int32)
  centroids, codes = jax.lax.fori_loop(0, clusters - 1, step, start)
  rest_mask = codes < 0
  size = count - width * (clusters - 1)
  mean = jnp.sum(jnp.where(rest_mask[:, None], x, 0.0), axis=0) / size
  return centroids.at[-1].set(mean), jnp.where(rest_mask, clusters - 1, codes)


@functools.partial(jax.jit, static_argnames="iterations")
def _balance(x, centroids, *, iterations) -> kmeans.KMeans:
  norms = jnp.sum(jnp.square(x), axis=-1)

  def step(carry, _):
    centroids, codes = _sweep(x, norms, carry[0])
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
  start = kmeans.fit(x, num_clusters=num_clusters, key=key, iterations=2)
  return _balance(x, start.centroids, iterations=iterations)
