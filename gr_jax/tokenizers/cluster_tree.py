"""Hierarchical k-means: clusters are split until they are small.

Clusters are padded to powers of `WIDTHS`, so that a whole tree compiles a few
programs, and those of a depth are split without waiting for one another.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.training import scan_fit

ITERATIONS = 20
WIDTHS = 4
LEAF, NOTHING = -1, -2


class ClusterTree(NamedTuple):
  """The clusters that are split further, the whole first.

  Attributes:
    centroids: `[K, branches, D]`, the centers of the parts of each.
    children: `[K, branches]` int32, the row of a part that is split in its
      turn, `LEAF`, or `NOTHING` where there is no such part.
  """

  centroids: np.ndarray
  children: np.ndarray

  def paths(self, vectors: np.ndarray) -> np.ndarray:
    """Paths `[n, d]` of vectors `[n, D]` to a leaf, -1 behind it.

    At every cluster a vector follows the nearest centroid of those that have
    rows.
    """
    vectors = np.asarray(vectors, np.float32)
    node = np.full(len(vectors), 0 if len(self.children) else LEAF)
    path = []
    while (inside := node >= 0).any():
      centroids = self.centroids[node]
      gaps = np.square(centroids).sum(axis=-1)
      gaps -= 2.0 * np.einsum("nbd,nd->nb", centroids, vectors)
      gaps[self.children[node] == NOTHING] = np.inf
      branch = gaps.argmin(axis=-1)
      path.append(np.where(inside, branch, -1))
      node = np.where(inside, self.children[node, branch], LEAF)
    return np.array(path, np.int32).reshape(len(path), len(vectors)).T


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


@functools.partial(jax.jit, static_argnames="branches")
def _split(vectors, rows, key, *, branches):
  """Lloyd's clusters `[w]` of `rows [w]`, -1 = none, and their centroids.

  The key depends on the first row alone, so that no other cluster changes it.
  """
  x, mask = vectors[rows], rows >= 0

  def move(centroids, _):
    code = jnp.argmin(_distances(x, centroids), axis=-1)
    member = jax.nn.one_hot(code, branches, axis=0) * mask
    counts = member.sum(axis=1)[:, None]
    sums = jnp.matmul(member, x, precision=jax.lax.Precision.HIGHEST)
    # A cluster that lost all rows stays where it was.
    means = jnp.where(counts > 0, sums / jnp.maximum(counts, 1), centroids)
    return means, None

  key = jax.random.fold_in(key, rows[0])
  centroids = _seeds(x, mask, key, branches)
  centroids, _ = jax.lax.scan(move, centroids, length=ITERATIONS)
  return jnp.argmin(_distances(x, centroids), axis=-1), centroids


def _padded(rows: np.ndarray) -> np.ndarray:
  width = WIDTHS
  while width < len(rows):
    width *= WIDTHS
  return np.pad(rows, (0, width - len(rows)), constant_values=-1)


def _parts(
  vectors: np.ndarray, rows: np.ndarray, code: np.ndarray, centroids: np.ndarray
) -> tuple[dict[int, np.ndarray], np.ndarray]:
  """The rows of a cluster by branch, and the centroids of the branches.

  Rows that no clustering parts (copies of one vector) are dealt out in order
  of their rows, in equal stretches [OURS].
  """
  if not (code == code[0]).all():
    return {int(b): rows[code == b] for b in np.unique(code)}, centroids
  branches = len(centroids)
  code = np.arange(len(rows)) * branches // len(rows)
  parts = {int(b): rows[code == b] for b in np.unique(code)}
  centroids = np.zeros_like(centroids)
  for branch, part in parts.items():
    centroids[branch] = vectors[part].mean(axis=0)
  return parts, centroids


def fit_tree(
  vectors: np.ndarray | jax.Array, *, branches: int, leaf: int, key: jax.Array
) -> tuple[ClusterTree, list[tuple[tuple[int, ...], np.ndarray]]]:
  """The tree over `[N, D]`, and its leaves: their paths and their rows.

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
  known = np.asarray(vectors, np.float32)
  vectors = jnp.asarray(known)
  split = functools.partial(_split, branches=branches)
  opened, leaves, inner = [((), np.arange(len(vectors)))], [], {}
  while opened:
    leaves += [node for node in opened if len(node[1]) <= leaf]
    large = [node for node in opened if len(node[1]) > leaf]
    found = [split(vectors, _padded(rows), key) for _, rows in large]
    opened = []
    for (path, rows), (code, centroids) in zip(large, found):
      code = np.asarray(code)[: len(rows)]
      parts, centroids = _parts(known, rows, code, np.asarray(centroids))
      inner[path] = (parts, centroids)
      opened += [((*path, branch), part) for branch, part in parts.items()]
  tree = _tree(inner, branches=branches, width=known.shape[1])
  return tree, sorted(leaves, key=lambda node: node[0])


def _tree(inner, *, branches: int, width: int) -> ClusterTree:
  """The arrays of clusters `{path: (parts, centroids)}`."""
  row_of = {path: row for row, path in enumerate(inner)}
  children = np.full((len(inner), branches), NOTHING, np.int32)
  for path, (parts, _) in inner.items():
    for branch in parts:
      children[row_of[path], branch] = row_of.get((*path, branch), LEAF)
  centroids = np.zeros((len(inner), branches, width), np.float32)
  for path, (_, found) in inner.items():
    centroids[row_of[path]] = found
  return ClusterTree(centroids, children)
