"""Cells of one size, by a rule that later rows can follow."""

import itertools

import jax
import numpy as np
import pytest

from gr_jax.clustering import balanced_kmeans, power_kmeans

# Two thirds of the rows lie close together.
X = jax.random.normal(jax.random.key(0), (153, 4)).at[:100].multiply(0.4) + 1
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def found():
  return power_kmeans.fit(X, num_clusters=7, key=KEY)


def test_sizes_differ_by_one_at_most(found):
  counts = np.bincount(found.codes, minlength=7)
  assert sorted(counts) == [21, 22, 22, 22, 22, 22, 22]


def test_the_largest_cells_have_the_row_more():
  found = power_kmeans._even_sizes(np.array([5, 9, 6]))
  np.testing.assert_array_equal(found, [6, 7, 7])


def test_centroids_are_nearly_the_means_of_their_cells(found):
  codes = np.asarray(found.codes)
  means = np.stack([X[codes == k].mean(0) for k in range(7)])
  np.testing.assert_allclose(found.centroids, means, atol=0.25)


def test_prices_alone_give_nearly_all_codes(found):
  def share(prices):
    codes = power_kmeans.power_code(X, found.centroids, prices)
    return (codes == found.codes).mean()

  assert share(found.prices) > 0.93
  assert share(0 * found.prices) < 0.88
  assert abs(found.prices.mean()) < 1e-5


def test_the_error_is_that_of_the_codes_and_less_than_by_turns(found):
  gap = np.square(X - found.centroids[found.codes]).sum(1).mean()
  assert found.error == pytest.approx(gap, rel=1e-5)
  turns = balanced_kmeans.fit(X, num_clusters=7, key=KEY)
  assert found.error < turns.error


def test_no_swap_of_two_rows_lowers_the_error_by_much(found):
  """The least error of these sizes has none; all pairs are tried."""
  codes = np.asarray(found.codes)
  cost = np.square(X[:, None] - found.centroids).sum(-1)
  own = cost[np.arange(153), codes]
  swapped = cost[:, codes] + cost[:, codes].T
  gain = own[:, None] + own - swapped
  assert gain.max() < 0.1 * 153 * found.error / 100


def test_six_rows_in_two_cells_are_parted_as_well_as_can_be():
  """Against all ways of taking three: plain k-means would take two and four."""
  x = np.array([[0.0], [0.1], [1.0], [1.1], [1.2], [1.3]], np.float32)
  found = power_kmeans.fit(jax.numpy.asarray(x), num_clusters=2, key=KEY)
  best = min(
    np.square(x[list(part)] - x[list(part)].mean()).sum()
    + np.square(np.delete(x, part) - np.delete(x, part).mean()).sum()
    for part in itertools.combinations(range(6), 3)
  )
  assert sorted(np.bincount(found.codes)) == [3, 3]
  codes = np.asarray(found.codes)
  error = sum(
    np.square(x[codes == k] - x[codes == k].mean()).sum() for k in (0, 1)
  )
  assert error == pytest.approx(best, rel=1e-4)


def test_equal_rows_are_dealt_out_evenly():
  x = jax.numpy.ones((20, 2))
  found = power_kmeans.fit(x, num_clusters=6, key=KEY, iterations=1)
  assert sorted(np.bincount(found.codes, minlength=6)) == [3, 3, 3, 3, 4, 4]
  assert np.isfinite(found.centroids).all()
  assert np.isfinite(found.prices).all()


def test_rows_that_are_not_finite_are_refused():
  with pytest.raises(ValueError, match="prices of 7 clusters are not finite"):
    power_kmeans.fit(X.at[3, 1].set(np.nan), num_clusters=7, key=KEY)


def test_more_clusters_than_rows_are_refused():
  with pytest.raises(ValueError, match="154 clusters need as many rows"):
    power_kmeans.fit(X, num_clusters=154, key=KEY)
