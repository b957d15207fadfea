import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from gr_jax.clustering import kmeans
from gr_jax.clustering.nearest import nearest_code

FIT = functools.partial(
  kmeans.fit, num_clusters=8, key=jax.random.key(0), matmul=jnp.matmul
)


def blobs(rows=301, width=6):
  rng = np.random.default_rng(0)
  centers = 6 * rng.normal(size=(8, width))
  x = centers[rng.integers(0, 8, rows)] + rng.normal(size=(rows, width))
  return jnp.asarray(x, jnp.float32)


def test_the_error_never_rises():
  found = FIT(jax.random.normal(jax.random.key(1), (300, 6)), tolerance=0.0)
  errors = np.append(found.errors, found.error)
  assert (np.diff(errors) <= 1e-5 * errors[0]).all()
  assert errors[-1] < errors[0]


def test_codes_are_nearest_and_the_error_is_their_mean_distance():
  x = blobs()
  found = FIT(x)
  np.testing.assert_array_equal(found.codes, nearest_code(x, found.centroids))
  gap = np.asarray(x - found.centroids[found.codes])
  np.testing.assert_allclose(found.error, np.square(gap).sum(1).mean(), 1e-5)


def test_one_device_and_eight_agree():
  x = blobs()
  mesh = Mesh(np.array(jax.devices()), ("data",))
  assert mesh.size == 8
  one, eight = FIT(x), FIT(x, mesh=mesh)
  np.testing.assert_array_equal(one.codes, eight.codes)
  np.testing.assert_allclose(one.centroids, eight.centroids, rtol=1e-4)


def test_bfloat16_distances_change_the_error_by_less_than_half_a_percent():
  x = jax.random.normal(jax.random.key(1), (600, 16))
  exact = kmeans.fit(
    x, num_clusters=8, key=jax.random.key(0), matmul=jnp.matmul
  )
  fast = kmeans.fit(x, num_clusters=8, key=jax.random.key(0))
  np.testing.assert_allclose(fast.error, exact.error, rtol=5e-3)


def test_it_stops_where_nothing_moves():
  found = FIT(blobs(), iterations=50)
  assert found.errors[-1] == found.errors[30]


def test_an_empty_cluster_moves_to_a_row():
  def far(x, key, *, num_clusters):
    del key
    return jnp.full((num_clusters, x.shape[1]), 100.0).at[0].set(0.0)

  found = FIT(blobs(), seed=far)
  assert len(np.unique(found.codes)) > 4


def test_as_many_clusters_as_rows_leave_no_error_and_more_are_an_error():
  x = blobs(rows=8)
  assert FIT(x).error == pytest.approx(0, abs=1e-5)
  with pytest.raises(ValueError, match="8 clusters need as many rows; got 7"):
    FIT(x[:7])


def test_residuals_are_clustered_by_the_program_of_the_first_level():
  """They lie where centroids do, and the first rows wherever they were."""
  x = jax.random.normal(jax.random.key(0), (40, 3))
  options = {"num_clusters": 4, "key": jax.random.key(1), "iterations": 1}
  found = kmeans.fit(x, **options)
  residual, names = x - found.centroids[found.codes], []

  def listen(name, seconds, **_):
    names.append(name)

  jax.monitoring.register_event_duration_secs_listener(listen)
  try:
    kmeans.fit(residual, **options)
  finally:
    jax.monitoring.unregister_event_duration_listener(listen)
  assert not [name for name in names if "backend_compile" in name]
