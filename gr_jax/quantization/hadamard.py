"""The random Hadamard transform of runs of 16.

  y = H diag(r) x / 4  over every 16 neighbours,  r in {-1, 1}^16

`H H^T = 16 I`: it is orthogonal, so that `(x R)(w R)^T = x w^T` where both
operands of a product are transformed along the contracted axis, and an outlier
is spread over its block. The signs are shared by all runs, as in NVIDIA's
recipe for NVFP4 pretraining (arXiv 2509.25149, section 4.2), drawn once.
"""

import jax
import jax.numpy as jnp

SIZE = 16


def random_signs(key: jax.Array) -> jax.Array:
  """`r` `[16]` float32, each -1 or 1."""
  return jax.random.rademacher(key, (SIZE,), jnp.float32)


def _hadamard(size: int) -> jax.Array:
  """Sylvester's matrix `[size, size]`."""
  rows = jnp.arange(size)
  shared = rows[:, None] & rows[None, :]
  return 1.0 - 2.0 * (jax.lax.population_count(shared) % 2)


def transform(x: jax.Array, signs: jax.Array) -> jax.Array:
  """`[..., D]` float32, transformed in runs of 16 along the last axis.

  Raises:
    ValueError: `D` is no multiple of 16.
  """
  return _apply(x, lambda runs: _times(runs * signs) / 4)


def invert(y: jax.Array, signs: jax.Array) -> jax.Array:
  """The inverse of `transform`."""
  return _apply(y, lambda runs: _times(runs) * signs / 4)


def _times(runs: jax.Array) -> jax.Array:
  # Whole float32: at less than that it is not orthogonal.
  exact = jax.lax.Precision.HIGHEST
  return jnp.matmul(runs, _hadamard(SIZE), precision=exact)


def _apply(x: jax.Array, function) -> jax.Array:
  if x.shape[-1] % SIZE:
    raise ValueError(
      f"{x.shape[-1]} columns are no multiple of {SIZE}; pad them with zeros."
    )
  runs = x.astype(jnp.float32).reshape(*x.shape[:-1], -1, SIZE)
  return function(runs).reshape(x.shape)
