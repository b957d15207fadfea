"""Lloyd's k-means in one jitted loop, rows sharded over devices.

One pass finds the nearest centroid of each row and adds the row to its
cluster's sum. On a mesh every device passes over its own rows; the sums are
added.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from gr_jax.clustering import cluster_sums, seeding
from gr_jax.clustering.nearest import nearest_code


class KMeans(NamedTuple):
  """A clustering of `[N, D]`.

  Attributes:
    centroids: `[C, D]`.
    codes: `[N]` int32, the nearest centroid.
    error: mean squared distance to it.
    errors: `[iterations]`, the same before each update; the last value
      repeats where the loop stopped early.
  """

  centroids: jax.Array
  codes: jax.Array
  error: jax.Array
  errors: jax.Array


class _Loop(NamedTuple):
  centroids: jax.Array
  errors: jax.Array
  shift: jax.Array | float
  iteration: jax.Array
  key: jax.Array


def _pass(
  x, weights, centroids, *, matmul: cluster_sums.Matmul, axis: str
) -> cluster_sums.ClusterSums:
  """The sums of this device's rows, over all devices."""
  start = jax.lax.pcast(cluster_sums.empty(centroids), axis, to="varying")
  total = cluster_sums.add_rows(start, x, weights, centroids, matmul=matmul)
  return jax.lax.psum(total, axis)


def _assign(x, weights, centroids, *, axis: str) -> tuple[jax.Array, jax.Array]:
  """Nearest codes in float32 of this device's rows, and the total error."""

  def nearest(rows):
    x, weight = rows
    code = nearest_code(x, centroids)
    square = jnp.sum(jnp.square(x - centroids[code]), axis=-1)
    return code, jnp.sum(square * weight)

  size = min(cluster_sums.SLICE, x.shape[0])
  rows = x.reshape(-1, size, x.shape[1]), weights.reshape(-1, size)
  codes, errors = jax.lax.map(nearest, rows)
  return codes.reshape(-1), jax.lax.psum(jnp.sum(errors), axis)


@functools.partial(
  jax.jit, static_argnames=("num_rows", "iterations", "matmul", "mesh")
)
def _lloyd(
  x, weights, centroids, key, tolerance, *, num_rows, iterations, matmul, mesh
) -> KMeans:
  axis = mesh.axis_names[0]
  spread = functools.partial(
    jax.shard_map, mesh=mesh, in_specs=(P(axis), P(axis), P())
  )
  one_pass = spread(
    functools.partial(_pass, matmul=matmul, axis=axis), out_specs=P()
  )
  assign = spread(
    functools.partial(_assign, axis=axis), out_specs=(P(axis), P())
  )

  def step(loop: _Loop) -> _Loop:
    found = one_pass(x, weights, loop.centroids)
    key, draw_key = jax.random.split(loop.key)
    rows = jax.random.randint(draw_key, found.counts.shape, 0, num_rows)
    # No row is nearest to an empty cluster, so moving it cannot hurt.
    means = jnp.where(
      (found.counts > 0)[:, None],
      found.sums / jnp.maximum(found.counts, 1.0)[:, None],
      x[rows],
    )
    later_mask = jnp.arange(iterations) >= loop.iteration
    return _Loop(
      means,
      jnp.where(later_mask, found.error / num_rows, loop.errors),
      jnp.sum(jnp.square(means - loop.centroids)),
      loop.iteration + 1,
      key,
    )

  def moving(loop: _Loop) -> jax.Array:
    return (loop.iteration < iterations) & (loop.shift > tolerance)

  start = _Loop(centroids, jnp.zeros(iterations), jnp.inf, jnp.asarray(0), key)
  loop = jax.lax.while_loop(moving, step, start)
  codes, error = assign(x, weights, loop.centroids)
  return KMeans(loop.centroids, codes[:num_rows], error / num_rows, loop.errors)


def shard_rows(x: jax.Array, mesh: Mesh) -> tuple[jax.Array, jax.Array]:
  """Pads `[N, D]` with zero rows to whole slices and spreads it over the mesh.

  Returns:
    Rows `[N', D]` and their weights `[N']`, 0 for padding.
  """
  devices = mesh.devices.size
  per_device = cluster_sums.whole_slices(-(-x.shape[0] // devices))
  padding = per_device * devices - x.shape[0]
  rows = jnp.pad(x, ((0, padding), (0, 0)))
  weights = jnp.pad(jnp.ones(x.shape[0]), (0, padding))
  sharding = jax.NamedSharding(mesh, P(mesh.axis_names[0]))
  return jax.device_put((rows, weights), sharding)


def _mesh_of(mesh: Mesh | None) -> Mesh:
  """A mesh that is given, that of `jax.set_mesh`, or the first device alone."""
  mesh = jax.sharding.get_mesh() if mesh is None else mesh
  return Mesh(np.array(jax.devices()[:1]), ("data",)) if mesh.empty else mesh


def placed(x: jax.Array, mesh: Mesh | None = None) -> jax.Array:
  """The rows where `fit` leaves its centroids, and so where residuals lie.

  One program then serves all levels. Of several devices rows stay where they
  are: whole on each they might not fit.
  """
  mesh = _mesh_of(mesh)
  if mesh.size > 1:
    return x
  return jax.device_put(x, jax.NamedSharding(mesh, P()))


@jax.jit
def _mean_variance(x):
  return jnp.mean(jnp.var(x, axis=0))


def fit(
  x: jax.Array,
  *,
  num_clusters: int,
  key: jax.Array,
  iterations: int = 10,
  tolerance: float = 1e-4,
  seed: seeding.Seed = seeding.refined_seeds,
  matmul: cluster_sums.Matmul = cluster_sums.bf16_products,
  mesh: Mesh | None = None,
) -> KMeans:
  """Clusters `[N, D]` by Lloyd's iterations.

  Stops when the centroids' summed squared shift falls below `tolerance`
  times the mean variance of a feature (scikit-learn's rule). A cluster that
  loses all rows moves to a random row.

  Args:
    x: `[N, D]`.
    num_clusters: C; at least 1 and at most N.
    key: The key of seeds and reseeding.
    iterations: at most.
    tolerance: The bound of the early stop; 0 stops at a fixed point only.
    seed: The start of the centroids; k-means++ on a sample and one pass of
      mini-batches by default.
    matmul: The product of the distances inside the loop; the codes returned
      are nearest in float32.
    mesh: the rows are spread over its first axis, others have one device; by
      default that of `jax.set_mesh`, or the first device alone.

  Raises:
    ValueError: fewer rows than clusters.
  """
  if not 1 <= num_clusters <= x.shape[0]:
    raise ValueError(
      f"{num_clusters} clusters need as many rows; got {x.shape[0]}. Make the "
      "codebook smaller."
    )
  mesh = _mesh_of(mesh)
  x = placed(x, mesh)
  seed_key, loop_key = jax.random.split(key)
  centroids = seed(x, seed_key, num_clusters=num_clusters)
  limit = tolerance * _mean_variance(x) if tolerance else 0.0
  rows, weights = shard_rows(x, mesh)
  replicated = jax.NamedSharding(mesh, P())
  return _lloyd(
    rows,
    weights,
    *jax.device_put((centroids, loop_key, limit), replicated),
    num_rows=x.shape[0],
    iterations=iterations,
    matmul=matmul,
    mesh=mesh,
  )
