import jax
import numpy as np
import pytest

from gr_jax.clustering import balanced_kmeans, kmeans

X = jax.random.normal(jax.random.key(0), (53, 4))


def test_sizes_are_exactly_equal_and_the_last_takes_the_remainder():
  found = balanced_kmeans.fit(X, num_clusters=5, key=jax.random.key(1))
  np.testing.assert_array_equal(np.bincount(found.codes), [10, 10, 10, 10, 13])


@pytest.mark.parametrize(
  ("clusters", "sizes"),
  [(5, [11, 11, 11, 10, 10]), (30, [2] * 23 + [1] * 7)],
)
def test_even_sizes_differ_by_one_at_most(clusters, sizes):
  args = {"num_clusters": clusters, "key": jax.random.key(1), "iterations": 10}
  found = balanced_kmeans.fit_even(X, **args)
  np.testing.assert_array_equal(np.bincount(found.codes), sizes)


def test_sizes_that_divide_the_rows_are_balanced_in_one_way():
  args = {"num_clusters": 5, "key": jax.random.key(1)}
  even = balanced_kmeans.fit_even(X[:50], **args)
  other = balanced_kmeans.fit(X[:50], **args)
  np.testing.assert_array_equal(even.codes, other.codes)


@pytest.mark.parametrize("fit", [balanced_kmeans.fit, balanced_kmeans.fit_even])
def test_more_clusters_than_rows_are_refused(fit):
  with pytest.raises(ValueError, match="54 clusters need as many rows"):
    fit(X, num_clusters=54, key=jax.random.key(1))


@pytest.mark.parametrize("fit", [balanced_kmeans.fit, balanced_kmeans.fit_even])
def test_rows_are_the_means_of_their_clusters(fit):
  found = fit(X, num_clusters=5, key=jax.random.key(1))
  for code in range(5):
    mean = np.asarray(X)[np.asarray(found.codes) == code].mean(0)
    np.testing.assert_allclose(found.centroids[code], mean, atol=1e-5)


def test_balance_costs_error_against_plain_kmeans():
  args = {"num_clusters": 5, "key": jax.random.key(1)}
  balanced = balanced_kmeans.fit(X, **args)
  assert balanced.error > kmeans.fit(X, **args).error
  variance = np.square(X - X.mean(0)).sum(1).mean()
  assert balanced.error < variance
