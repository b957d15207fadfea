import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.clustering import seeding
from gr_jax.clustering.nearest import nearest_code, squared_distances

X = jax.random.normal(jax.random.key(0), (2000, 6))


def far_clusters(offset=0.0):
  centers = 100.0 * jnp.eye(6)
  noise = jax.random.normal(jax.random.key(0), (10, 6, 6))
  return (centers + noise).reshape(-1, 6) + offset


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_plus_plus_finds_every_far_cluster_wherever_they_are(offset):
  x = far_clusters(offset)
  seeds = seeding.plus_plus(x, jax.random.key(1), num_clusters=6)
  assert sorted(np.argmax(seeds, axis=1)) == list(range(6))


def test_plus_plus_chooses_no_row_twice():
  x = jax.random.normal(jax.random.key(0), (12, 3))
  seeds = seeding.plus_plus(x, jax.random.key(1), num_clusters=12)
  np.testing.assert_array_equal(np.unique(seeds, axis=0), np.unique(x, axis=0))


def test_seeds_are_finite_where_all_rows_are_equal():
  seeds = seeding.sampled_seeds(
    jnp.ones((20, 3)), jax.random.key(0), num_clusters=5
  )
  np.testing.assert_allclose(seeds, np.ones((5, 3)))


@given(st.integers(1, 60), st.data())
def test_spread_rows_are_distinct_and_one_of_each_stretch(num_rows, data):
  size = data.draw(st.integers(1, num_rows))
  rows = seeding.spread_rows(jax.random.key(0), num_rows=num_rows, size=size)
  stretch = [int((row + 1) * size - 1) // num_rows for row in np.asarray(rows)]
  assert stretch == list(range(size))


def test_neighbour_means_are_those_of_the_nearest_rows():
  x = jax.random.normal(jax.random.key(0), (40, 3))
  found = seeding.neighbour_means(x, x[:4], neighbours=5)
  for seed, mean in zip(np.asarray(x[:4]), found):
    order = np.argsort(np.square(x - seed).sum(1))
    np.testing.assert_allclose(mean, np.asarray(x)[order[:5]].mean(0), 1e-5)


def test_one_neighbour_of_a_row_is_itself():
  x = jax.random.normal(jax.random.key(0), (9, 3))
  found = seeding.neighbour_means(x, x, neighbours=1)
  np.testing.assert_array_equal(found, x)


def error(centroids):
  return squared_distances(X, centroids).min(axis=1).mean()


def test_one_batch_of_all_rows_is_a_lloyd_iteration():
  x, centroids = X[:64], X[64:68]
  codes = np.asarray(nearest_code(x, centroids))
  found = seeding.refine(x, centroids, jax.random.key(0), matmul=jnp.matmul)
  for code in range(4):
    mean = np.asarray(x)[codes == code].mean(axis=0)
    np.testing.assert_allclose(found[code], mean, rtol=1e-4, atol=1e-6)


def test_batches_lower_the_error_of_the_seeds():
  seeds = seeding.sampled_seeds(X, jax.random.key(1), num_clusters=8)
  refined = seeding.refine(X, seeds, jax.random.key(2))
  assert error(refined) < error(seeds)


def test_fewer_rows_than_a_batch_leave_the_seeds_alone():
  found = seeding.refine(X[:63], X[:4], jax.random.key(0))
  np.testing.assert_array_equal(found, X[:4])


def test_a_centroid_that_no_row_is_nearest_to_stays():
  far = jnp.full((1, 6), 1e3)
  centroids = jnp.concatenate([X[:3], far])
  found = seeding.refine(X, centroids, jax.random.key(0))
  np.testing.assert_array_equal(found[3], far[0])


def test_the_key_decides():
  seeds = [
    seeding.refined_seeds(X, jax.random.key(k), num_clusters=8)
    for k in (0, 0, 1)
  ]
  np.testing.assert_array_equal(seeds[0], seeds[1])
  assert not np.array_equal(seeds[0], seeds[2])
