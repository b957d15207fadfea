"""Balanced k-means whose cells are those of a power diagram.

  k(x) = argmin_j ||x - c_j||^2 + b_j,  all cells with N / C rows

With fixed centroids, the assignment of least error among those with given sizes
of cells is of this form for some prices `b` (Aurenhammer, Hoffmann and Aronov
1998). So a row that comes later finds its cell by the same rule, which clusters
that take turns (`balanced_kmeans`) do not offer.

Prices are those of Sinkhorn's iterations, `b_j += eps log(m_j C / N)` with
`m_j` the mass of cell j under softmax(-(||x - c_j||^2 + b_j) / eps), and `eps`
falls. Rows that the prices leave too many in a cell go to where it costs least
`[OURS]`.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import kmeans
from gr_jax.clustering.nearest import first_minimum, relative_distances
from gr_jax.nn.map_rows import map_rows

_SLICE = 4096  # Rows whose distances to all centroids are held at once.
# `eps` as shares of the error of k-means: where it falls further, the prices
# need more steps than these to follow, and cells are less even.
_FIRST, _LAST = 0.3, 0.05
_STEPS, _LAST_STEPS = 10, 80


class PowerCells(NamedTuple):
  """A balanced clustering of `[N, D]`.

  Attributes:
    centroids: `[C, D]`.
    prices: `[C]`, `b`; their mean is 0.
    codes: `[N]` int32; sizes differ by one at most. `power_code` gives the same
      but for the few rows that were moved to make them so.
    error: the mean squared distance to the centroid of the code.
  """

  centroids: jax.Array
  prices: jax.Array
  codes: jax.Array
  error: jax.Array


def power_code(
  x: jax.Array, centroids: jax.Array, prices: jax.Array
) -> jax.Array:
  """`argmin_j ||x - c_j||^2 + b_j` `[B]` int32; the first one wins a tie."""
  return first_minimum(relative_distances(x, centroids) + prices)


def fit(
  x: jax.Array, *, num_clusters: int, key: jax.Array, iterations: int = 10
) -> PowerCells:
  """Clusters `[N, D]` into sizes that differ by one row at most.

  Args:
    x: `[N, D]`.
    num_clusters: `C`; at most N.
    key: The key of the seeds.
    iterations: The moves of the centroids to the means of their cells, each
      after a few steps of the prices. Then centroids stay, and prices alone
      converge.

  Raises:
    ValueError: fewer rows than clusters, or rows that are not finite.
  """
  x = kmeans.placed(jnp.asarray(x, jnp.float32))
  start = kmeans.fit(x, num_clusters=num_clusters, key=key)
  centroids, prices = _converge(
    x, start.centroids, start.error, iterations=iterations
  )
  if not np.isfinite(prices).all():
    raise ValueError(
      f"the prices of {num_clusters} clusters are not finite: rows have NaN, "
      "infinity or numbers whose squares are; remove or rescale them."
    )
  codes = np.array(_cells(x, centroids, prices)[0])
  sizes = _even_sizes(np.bincount(codes, minlength=num_clusters))
  codes = jnp.asarray(_moved(x, centroids, prices, codes, sizes))
  return PowerCells(centroids, prices, codes, _error(x, centroids, codes))


@jax.jit
def _error(x, centroids, codes):
  return jnp.mean(jnp.sum(jnp.square(x - centroids[codes]), axis=-1))


@functools.partial(jax.jit, static_argnames="iterations")
def _converge(x, centroids, error, *, iterations):
  """Moves centroids and prices in turns, then the prices alone."""
  count, clusters = len(x), len(centroids)
  size = min(_SLICE, count)
  padding = -count % size
  rows = jnp.pad(x, ((0, padding), (0, 0))).reshape(-1, size, x.shape[1])
  real = jnp.pad(jnp.ones(count), (0, padding)).reshape(-1, size)
  wanted = count / clusters
  # Where all rows are equal any prices do.
  scale = jnp.where(error > 0, error, 1.0)

  def masses(centroids, prices, eps):
    def add(total, part):
      x, real = part
      logits = -(relative_distances(x, centroids) + prices) / eps
      share = jax.nn.softmax(logits) * real[:, None]
      return total + share.sum(axis=0), None

    return jax.lax.scan(add, jnp.zeros(clusters), (rows, real))[0]

  def ascend(centroids, prices, eps, *, steps):
    def step(prices, _):
      mass = jnp.maximum(masses(centroids, prices, eps), 1e-6 * wanted)
      prices = prices + eps * jnp.log(mass / wanted)
      return prices - prices.mean(), None

    return jax.lax.scan(step, prices, length=steps)[0]

  def move(carry, share):
    centroids, prices = carry
    prices = ascend(centroids, prices, share * scale, steps=_STEPS)
    codes = _cells(x, centroids, prices)[0]
    counts = jnp.zeros(clusters).at[codes].add(1.0)[:, None]
    sums = jnp.zeros_like(centroids).at[codes].add(x)
    means = jnp.where(counts > 0, sums / jnp.maximum(counts, 1), centroids)
    return (means, prices), None

  carry = centroids, jnp.zeros(clusters)
  shares = jnp.geomspace(_FIRST, _LAST, max(iterations, 1))[:iterations]
  centroids, prices = jax.lax.scan(move, carry, shares)[0]
  prices = ascend(centroids, prices, _LAST * scale, steps=_LAST_STEPS)
  return centroids, prices


@jax.jit
def _cells(x, centroids, prices):
  """The cells of least cost `[N]`, and that cost less `||x||^2` `[N]`."""

  def best(rows):
    costs = relative_distances(rows, centroids) + prices
    return first_minimum(costs), jnp.min(costs, axis=-1)

  return map_rows(best, x, size=_SLICE)


@jax.jit
def _own_costs(x, centroids, prices, codes):
  own = centroids[codes]
  return jnp.sum(own * (own - 2.0 * x), axis=-1) + prices[codes]


def _even_sizes(counts: np.ndarray) -> np.ndarray:
  """`[C]`, `N // C` and one more for the largest cells."""
  width, longer = divmod(int(counts.sum()), len(counts))
  sizes = np.full(len(counts), width)
  sizes[np.argsort(-counts, kind="stable")[:longer]] += 1
  return sizes


def _moved(x, centroids, prices, codes, sizes) -> np.ndarray:
  """Moves rows out of cells with too many, those that it costs least first.

  Each round looks up the best cell with room of each row. The cheapest move of
  a round is always made, so there are at most as many rounds as rows to move.
  """
  while True:
    counts = np.bincount(codes, minlength=len(sizes))
    excess, room = np.maximum(counts - sizes, 0), np.maximum(sizes - counts, 0)
    if not excess.any():
      return codes
    open_prices = jnp.where(jnp.asarray(room > 0), prices, jnp.inf)
    targets, costs = _cells(x, centroids, open_prices)
    regrets = np.asarray(costs - _own_costs(x, centroids, prices, codes))
    rows = np.flatnonzero(excess[codes] > 0)
    rows = rows[np.argsort(regrets[rows], kind="stable")]
    rows = rows[_places(codes[rows]) < excess[codes[rows]]]
    to = np.asarray(targets)[rows]
    kept = _places(to) < room[to]
    codes[rows[kept]] = to[kept]


def _places(groups: np.ndarray) -> np.ndarray:
  """The number of earlier entries `[P]` of the same group."""
  order = np.argsort(groups, kind="stable")
  ordered = groups[order]
  starts = np.searchsorted(ordered, ordered)
  places = np.empty(len(groups), np.int64)
  places[order] = np.arange(len(groups)) - starts
  return places
