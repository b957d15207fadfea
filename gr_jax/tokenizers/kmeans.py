"""Lloyd's k-means in one jitted loop, rows sharded over devices.

One pass finds the nearest centroid of each row and adds the row to its
cluster's sum, slice by slice, so that the `[rows, C]` distances stay in
cache. On a mesh every device passes over its own rows; the sums are added.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from gr_jax.nn import dot
from gr_jax.tokenizers import quantizers, seeding

SLICE = 2048  # Rows: 2 MB of distances at 256 clusters.

Matmul = Callable[[jax.Array, jax.Array], jax.Array]


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


class _Pass(NamedTuple):
  sums: jax.Array
  counts: jax.Array
  error: jax.Array


class _Loop(NamedTuple):
  centroids: jax.Array
  errors: jax.Array
  shift: jax.Array
  iteration: jax.Array
  key: jax.Array


def _slice_distances(x, centroids, matmul):
  """`||c||^2 - 2 c.x` `[C, rows]`; this order is the faster product on CPU."""
  norms = jnp.sum(jnp.square(centroids), axis=-1)
  return norms[:, None] - 2.0 * matmul(centroids, x.T)


def _pass(x, weights, centroids, *, matmul: Matmul, axis: str) -> _Pass:
  """Sums, counts and total error of this device's rows, over all devices."""

  def add(total, rows):
    x, weight = rows
    distances = _slice_distances(x, centroids, matmul)
    code = quantizers.first_minimum(distances, axis=0)
    square = jnp.min(distances, axis=0) + jnp.sum(jnp.square(x), axis=-1)
    return _Pass(
      total.sums.at[code].add(x * weight[:, None]),
      total.counts.at[code].add(weight),
      total.error + jnp.sum(jnp.maximum(square, 0.0) * weight),
    ), None

  size = min(SLICE, x.shape[0])
  start = _Pass(
    jnp.zeros_like(centroids), jnp.zeros(len(centroids)), jnp.zeros(())
  )
  start = jax.lax.pcast(start, axis, to="varying")
  total, _ = jax.lax.scan(
    add, start, (x.reshape(-1, size, x.shape[1]), weights.reshape(-1, size))
  )
  return jax.lax.psum(total, axis)


def _codes(x, centroids):
  size = min(SLICE, x.shape[0])
  slices = x.reshape(-1, size, x.shape[1])
  nearest = functools.partial(quantizers.nearest_code, codebook=centroids)
  return jax.lax.map(nearest, slices).reshape(-1)


@functools.partial(
  jax.jit, static_argnames=("num_rows", "iterations", "matmul", "mesh")
)
def _lloyd(
  x, weights, centroids, key, tolerance, *, num_rows, iterations, matmul, mesh
) -> KMeans:
  axis = mesh.axis_names[0]
  one_pass = jax.shard_map(
    functools.partial(_pass, matmul=matmul, axis=axis),
    mesh=mesh,
    in_specs=(P(axis), P(axis), P()),
    out_specs=P(),
  )
  assign = jax.shard_map(
    _codes, mesh=mesh, in_specs=(P(axis), P()), out_specs=P(axis)
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
  codes = assign(x, loop.centroids)
  gap = x - loop.centroids[codes]
  error = jnp.sum(jnp.square(gap) * weights[:, None]) / num_rows
  return KMeans(loop.centroids, codes[:num_rows], error, loop.errors)


def single_device_mesh() -> Mesh:
  """A mesh of the first device alone, axis `data`."""
  return Mesh(np.array(jax.devices()[:1]), ("data",))


def shard_rows(x: jax.Array, mesh: Mesh) -> tuple[jax.Array, jax.Array]:
  """Pads `[N, D]` with zero rows to whole slices and spreads it over the mesh.

  Returns:
    Rows `[N', D]` and their weights `[N']`, 0 for padding.
  """
  devices = mesh.devices.size
  per_device = -(-x.shape[0] // devices)
  per_device += -per_device % min(SLICE, per_device)
  padding = per_device * devices - x.shape[0]
  rows = jnp.pad(x, ((0, padding), (0, 0)))
  weights = jnp.pad(jnp.ones(x.shape[0]), (0, padding))
  sharding = jax.NamedSharding(mesh, P(mesh.axis_names[0]))
  return jax.device_put((rows, weights), sharding)


def fit(
  x: jax.Array,
  *,
  num_clusters: int,
  key: jax.Array,
  iterations: int = 20,
  tolerance: float = 1e-4,
  seed: seeding.Seed = seeding.sampled_seeds,
  matmul: Matmul = dot.bf16_matmul,
  mesh: Mesh | None = None,
) -> KMeans:
  """Clusters `[N, D]` by Lloyd's iterations.

  Stops when the centroids' summed squared shift falls below `tolerance`
  times the mean variance of a feature (scikit-learn's rule). A cluster that
  loses all rows moves to a random row.

  Args:
    x: `[N, D]`.
    num_clusters: C; at least 1 and at most N.
    key: of seeds and reseeding.
    iterations: at most.
    tolerance: of the early stop; 0 stops at a fixed point only.
    seed: where the centroids start; k-means++ on a sample by default.
    matmul: of the distances inside the loop; the codes returned are nearest
      in float32.
    mesh: one axis, over which the rows are spread; the first device alone
      by default.

  Raises:
    ValueError: fewer rows than clusters.
  """
  if not 1 <= num_clusters <= x.shape[0]:
    raise ValueError(
      f"{num_clusters} clusters need as many rows; got {x.shape[0]}. Make the "
      "codebook smaller."
    )
  mesh = single_device_mesh() if mesh is None else mesh
  seed_key, loop_key = jax.random.split(key)
  centroids = seed(x, seed_key, num_clusters=num_clusters)
  variance = jnp.mean(jnp.var(x, axis=0))
  rows, weights = shard_rows(x, mesh)
  replicated = jax.NamedSharding(mesh, P())
  centroids, loop_key, limit = jax.device_put(
    (centroids, loop_key, tolerance * variance), replicated
  )
  return _lloyd(
    rows,
    weights,
    centroids,
    loop_key,
    limit,
    num_rows=x.shape[0],
    iterations=iterations,
    matmul=matmul,
    mesh=mesh,
  )
