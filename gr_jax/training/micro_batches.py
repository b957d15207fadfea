"""Batches cut into parts, whose gradients are added up before an update."""

from typing import Any

import jax
import jax.numpy as jnp


def split_batch(tree: Any, parts: int) -> Any:
  """`[B, ...]` to `[parts, B / parts, ...]`, every `parts`-th row together.

  A batch that is split over devices in blocks stays where it is.

  Raises:
    ValueError: `B` is no multiple of `parts`.
  """

  def split(x: jax.Array) -> jax.Array:
    if x.shape[0] % parts:
      raise ValueError(
        f"a batch of {x.shape[0]} rows cannot be cut into {parts} "
        f"micro-batches; make batch_size a multiple of {parts}."
      )
    x = jnp.reshape(x, (x.shape[0] // parts, parts, *x.shape[1:]))
    return x.swapaxes(0, 1)

  return jax.tree.map(split, tree)


def join_batch(tree: Any) -> Any:
  """The whole batch of `split_batch`, rows in their first order."""
  return jax.tree.map(lambda x: jnp.concatenate(x.swapaxes(0, 1), axis=0), tree)
