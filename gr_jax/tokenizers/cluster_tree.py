"""Hierarchical k-means: clusters of clusters, until they are small.

Clusters are padded to powers of `WIDTHS`, so that a whole tree compiles a few
programs, and those of a depth are split without waiting for one another.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.training import scan_fit

ITERATIONS = 20
WIDTHS = 4


def _distances(x: jax.Array, centroids: jax.Array) -> jax.Array:
  """`[w, c]`, squared, less the part that all centroids share."""
  squares = jnp.sum(jnp.square(centroids), axis=-1)
  products = jnp.matmul(x, centroids.T, precision=jax.lax.Precision.HIGHEST)
  return squares - 2.0 * products


def _seeds(
  x: jax.Array, mask: jax.Array, key: jax.Array, branches: int
) -> jax.Array:
  """k-means++: each next seed likelier the farther from those so far."""

  def draw(nearest, key):
    # All rows alike: any of them that is there.
    weights = jnp.where(nearest.sum() > 0, nearest, mask)
    seed = x[jax.random.categorical(key, jnp.log(weights))]
    gaps = jnp.sum(jnp.square(x - seed), axis=-1)
    return jnp.minimum(nearest, jnp.where(mask, gaps, 0.0)), seed

  far = jnp.where(mask, 1e30, 0.0)
  return jax.lax.scan(draw, far, jax.random.split(key, branches))[1]


def _split(
  x: jax.Array, mask: jax.Array, key: jax.Array, branches: int
) -> jax.Array:
  """Clusters `[w]` of the rows `[w, D]` that are there, by Lloyd."""

  def move(centroids, _):
    code = jnp.argmin(_distances(x, centroids), axis=-1)
    member = jax.nn.one_hot(code, branches, axis=0) * mask
    counts = member.sum(axis=1)[:, None]
    sums = jnp.matmul(member, x, precision=jax.lax.Precision.HIGHEST)
    # A cluster that lost all rows stays where it was.
    means = jnp.where(counts > 0, sums / jnp.maximum(counts, 1), centroids)
    return means, None

  centroids = _seeds(x, mask, key, branches)
  centroids, _ = jax.lax.scan(move, centroids, length=ITERATIONS)
  return jnp.argmin(_distances(x, centroids), axis=-1)


@functools.partial(jax.jit, static_argnames="branches")
def _split_rows(vectors, rows, key, *, branches):
  """Clusters `[w]` of `rows [w]`, -1 = none.

  The key is of the first row, so that other clusters do not change it.
  """
  key = jax.random.fold_in(key, rows[0])
  return _split(vectors[rows], rows >= 0, key, branches)


def _padded(rows: np.ndarray) -> np.ndarray:
  width = WIDTHS
  while width < len(rows):
    width *= WIDTHS
  return np.pad(rows, (0, width - len(rows)), constant_values=-1)


def _children(rows: np.ndarray, code: np.ndarray, branches: int):
  """`(branch, rows)` of what a group falls into.

  Rows that no clustering parts (copies of one vector) are dealt out in order
  of their rows, in equal stretches (our design).
  """
  if (code == code[0]).all():
    code = np.arange(len(rows)) * branches // len(rows)
  for branch in np.unique(code):
    yield int(branch), rows[code == branch]


def cluster_paths(
  vectors: np.ndarray | jax.Array,
  *,
  branches: int,
  leaf: int,
  key: jax.Array,
) -> list[tuple[tuple[int, ...], np.ndarray]]:
  """The leaves of the tree over `[N, D]`: their paths and their rows.

  A cluster of more than `leaf` rows is split by k-means into up to `branches`;
  paths are in order, rows ascend.

  Raises:
    ValueError: `leaf < branches`, a single branch, or vectors not finite.
  """
  scan_fit.check_vectors(vectors, name="vectors")
  if not 2 <= branches <= leaf:
    raise ValueError(
      f"branches ({branches}) must be 2 or more and leaf ({leaf}) no less."
    )
  vectors = jnp.asarray(vectors, jnp.float32)
  split = functools.partial(_split_rows, branches=branches)
  opened, leaves = [((), np.arange(len(vectors)))], []
  while opened:
    leaves += [node for node in opened if len(node[1]) <= leaf]
    large = [node for node in opened if len(node[1]) > leaf]
    codes = [split(vectors, _padded(rows), key) for _, rows in large]
    opened = [
      ((*path, branch), part)
      for (path, rows), code in zip(large, codes)
      for branch, part in _children(
        rows, np.asarray(code)[: len(rows)], branches
      )
    ]
  return sorted(leaves, key=lambda node: node[0])
