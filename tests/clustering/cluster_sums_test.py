import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.clustering import cluster_sums
from gr_jax.clustering.nearest import nearest_code


def add(x, weights, centroids):
  return cluster_sums.add_rows(
    cluster_sums.empty(centroids), x, weights, centroids, matmul=jnp.matmul
  )


@pytest.fixture
def rows():
  x = jax.random.normal(jax.random.key(0), (12, 3))
  return x, jax.random.uniform(jax.random.key(1), (12,)), x[:4]


def test_sums_are_those_of_the_rows_nearest_to_each_centroid(rows):
  x, weights, centroids = rows
  found = add(x, weights, centroids)
  codes = np.asarray(nearest_code(x, centroids))
  for code in range(4):
    mine = codes == code
    expected = (weights[mine, None] * x[mine]).sum(axis=0)
    np.testing.assert_allclose(found.sums[code], expected, rtol=1e-5)
    np.testing.assert_allclose(found.counts[code], weights[mine].sum(), 1e-5)
  square = np.square(x - centroids[codes]).sum(axis=1)
  np.testing.assert_allclose(found.error, (weights * square).sum(), rtol=1e-4)


def test_rows_of_weight_zero_add_nothing(rows):
  x, _, centroids = rows
  found = add(x, jnp.zeros(12), centroids)
  for leaf in found:
    np.testing.assert_array_equal(leaf, jnp.zeros_like(leaf))


def test_slices_change_nothing_but_rounding(rows, monkeypatch):
  whole = add(*rows)
  monkeypatch.setattr(cluster_sums, "SLICE", 4)
  for one, many in zip(whole, add(*rows)):
    np.testing.assert_allclose(one, many, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
  ("count", "whole"), [(1, 1), (1024, 1024), (1025, 2048), (3000, 3072)]
)
def test_whole_slices_are_one_or_full_ones(count, whole):
  assert cluster_sums.whole_slices(count) == whole


def test_bfloat16_products_are_those_of_the_rounded_operands(rows):
  x, _, centroids = rows
  found = cluster_sums.bf16_products(centroids, x.T)
  a, b = (v.astype(jnp.bfloat16).astype(jnp.float32) for v in (centroids, x))
  np.testing.assert_allclose(found, a @ b.T, rtol=1e-5, atol=1e-5)
