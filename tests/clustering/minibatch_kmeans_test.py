import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import minibatch_kmeans, seeding
from gr_jax.clustering.nearest import nearest_code, squared_distances

X = jax.random.normal(jax.random.key(0), (2000, 6))


def error(centroids):
  return squared_distances(X, centroids).min(axis=1).mean()


def test_one_batch_of_all_rows_is_a_lloyd_iteration():
  x, centroids = X[:64], X[64:68]
  codes = np.asarray(nearest_code(x, centroids))
  found = minibatch_kmeans.refine(
    x, centroids, jax.random.key(0), matmul=jnp.matmul
  )
  for code in range(4):
    mean = np.asarray(x)[codes == code].mean(axis=0)
    np.testing.assert_allclose(found[code], mean, rtol=1e-4, atol=1e-6)


def test_batches_lower_the_error_of_the_seeds():
  seeds = seeding.sampled_seeds(X, jax.random.key(1), num_clusters=8)
  refined = minibatch_kmeans.refine(X, seeds, jax.random.key(2))
  assert error(refined) < error(seeds)


def test_fewer_rows_than_a_batch_leave_the_seeds_alone():
  found = minibatch_kmeans.refine(X[:63], X[:4], jax.random.key(0))
  np.testing.assert_array_equal(found, X[:4])


def test_a_centroid_that_no_row_is_nearest_to_stays():
  far = jnp.full((1, 6), 1e3)
  centroids = jnp.concatenate([X[:3], far])
  found = minibatch_kmeans.refine(X, centroids, jax.random.key(0))
  np.testing.assert_array_equal(found[3], far[0])


def test_the_key_decides():
  seeds = [
    minibatch_kmeans.refined_seeds(X, jax.random.key(k), num_clusters=8)
    for k in (0, 0, 1)
  ]
  np.testing.assert_array_equal(seeds[0], seeds[1])
  assert not np.array_equal(seeds[0], seeds[2])
