import jax
import numpy as np

from gr_jax.clustering import balanced_kmeans, kmeans

X = jax.random.normal(jax.random.key(0), (53, 4))


def test_sizes_are_exactly_equal_and_the_last_takes_the_remainder():
  found = balanced_kmeans.fit(X, num_clusters=5, key=jax.random.key(1))
  np.testing.assert_array_equal(np.bincount(found.codes), [10, 10, 10, 10, 13])


def test_rows_are_the_means_of_their_clusters():
  found = balanced_kmeans.fit(X, num_clusters=5, key=jax.random.key(1))
  for code in range(5):
    mean = np.asarray(X)[np.asarray(found.codes) == code].mean(0)
    np.testing.assert_allclose(found.centroids[code], mean, atol=1e-5)


def test_balance_costs_error_against_plain_kmeans():
  args = {"num_clusters": 5, "key": jax.random.key(1)}
  balanced = balanced_kmeans.fit(X, **args)
  assert balanced.error > kmeans.fit(X, **args).error
  variance = np.square(X - X.mean(0)).sum(1).mean()
  assert balanced.error < variance
