"""Maps a function over rows in slices that stay in cache."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

Tree = TypeVar("Tree")


def map_rows(
  function: Callable[[Tree], Tree], rows: Tree, *, size: int = 4096
) -> Tree:
  """`function` on slices of `size` rows of every leaf `[N, ...]`, joined.

  The last slice is padded with zeros, so `function` must treat rows apart.
  """
  count = jax.tree.leaves(rows)[0].shape[0]
  size = min(size, count)
  padding = -count % size

  def cut(x):
    x = jnp.pad(x, ((0, padding), *((0, 0),) * (x.ndim - 1)))
    return x.reshape(-1, size, *x.shape[1:])

  mapped = jax.lax.map(function, jax.tree.map(cut, rows))
  return jax.tree.map(lambda y: y.reshape(-1, *y.shape[2:])[:count], mapped)
