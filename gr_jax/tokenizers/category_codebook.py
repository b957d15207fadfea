"""A codebook whose rows are categories: the first level of CQ-SID."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering.nearest import nearest_code
from gr_jax.tokenizers import quantizers


def category_column(categories: np.ndarray, depth: int) -> np.ndarray:
  """Categories `[N]` at a depth of columns `[N, K]`, at most their last one.

  Depth 0, or no columns: all unknown.
  """
  depth = min(depth, categories.shape[1])
  if not depth:
    return np.full(len(categories), -1, np.int32)
  return categories[:, depth - 1]


def known_or_nearest(categories: jax.Array) -> quantizers.Assign:
  """Chooses the category `[B]` where it is known (>= 0), else the nearest."""

  def assign(residuals, codebook):
    nearest = nearest_code(residuals, codebook)
    return jnp.where(categories >= 0, categories, nearest)

  return assign


def category_means(
  latents: jax.Array, categories: jax.Array, rows: jax.Array
) -> jax.Array:
  """Mean latent of each category `[C, D]`.

  Args:
    latents: `[B, D]`.
    categories: `[B]` int32, -1 unknown.
    rows: `[C, D]`, kept for the categories that do not occur.
  """
  known = jnp.where(categories >= 0, categories, len(rows))
  count = quantizers.code_counts(categories, num_codes=len(rows))
  total = jnp.zeros_like(rows).at[known].add(latents, mode="drop")
  mean = total / jnp.maximum(count, 1.0)[:, None]
  return jnp.where((count > 0)[:, None], mean, rows)


def occurring(categories: jax.Array, *, num_categories: int) -> jax.Array:
  """`[C]` bool: categories that occur among `[N]` (-1 unknown)."""
  return quantizers.code_counts(categories, num_codes=num_categories) > 0
