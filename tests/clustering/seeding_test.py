import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.clustering import seeding


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
