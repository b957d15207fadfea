"""Searches row by row, so that a row's scores do not depend on the others.

A product of more rows adds up in another order on CPU, and where products are
rounded to bfloat16 that is seen: the same request alone and among others had
scores 0.01 apart, and its last items in another order. Beams make a product of
each request alone long enough, so that a loop over requests costs little more
than all at once. One program serves batches of every size.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def search_rows(search: Callable[..., Any], rows: Any, count: jax.Array) -> Any:
  """Results `[B, ...]` of `search` for each of the first `count` rows.

  Args:
    search: gives results `[1, ...]` for one row of `rows`.
    rows: arrays `[B, ...]`.
    count: the number of rows to search; the results of others are 0.
  """

  def one(i: jax.Array) -> Any:
    return search(
      jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, i, 1), rows)
    )

  def with_next(i: jax.Array, found: Any) -> Any:
    return jax.tree.map(
      lambda all, new: jax.lax.dynamic_update_slice_in_dim(all, new, i, 0),
      found,
      one(i),
    )

  B = len(jax.tree.leaves(rows)[0])
  nothing = jax.tree.map(
    lambda x: jnp.zeros((B, *x.shape[1:]), x.dtype), jax.eval_shape(one, 0)
  )
  return jax.lax.fori_loop(0, count, with_next, nothing)
