"""Balanced soft assignment by Sinkhorn's iterations (LC-Rec, last level).

    Q = exp(-d / eps);  repeat: columns to B / C, rows to 1

Works on logarithms: with eps = 0.003 the exponentials leave float32.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.tokenizers import quantizers


def centre_distances(distances: jax.Array) -> jax.Array:
  """Distances `[..., B, C]` shifted and scaled to [-1, 1] (LC-Rec)."""
  high = jnp.max(distances, axis=(-2, -1), keepdims=True)
  low = jnp.min(distances, axis=(-2, -1), keepdims=True)
  middle, half = (high + low) / 2, (high - low) / 2
  return (distances - middle) / jnp.maximum(half, 1e-5)


def sinkhorn(
  distances: jax.Array, *, epsilon: float = 0.003, iterations: int = 50
) -> jax.Array:
  """The plan Q `[..., B, C]`: rows sum to 1, columns to B / C.

  The rows hold exactly (they are normalised last), the columns in the limit.
  """
  rows, columns = distances.shape[-2:]
  share = jnp.log(rows / columns)
  log_q = -distances.astype(jnp.float32) / epsilon

  def step(_, log_q):
    log_q += share - jax.nn.logsumexp(log_q, axis=-2, keepdims=True)
    return log_q - jax.nn.logsumexp(log_q, axis=-1, keepdims=True)

  return jnp.exp(jax.lax.fori_loop(0, iterations, step, log_q))


@dataclasses.dataclass(frozen=True)
class SinkhornCode:
  """Chooses each row's code from the balanced plan of its batch."""

  epsilon: float = 0.003
  iterations: int = 50

  def __call__(self, residuals: jax.Array, codebook: jax.Array) -> jax.Array:
    """Codes `[..., B]` of residuals `[..., B, D]` for codebook `[C, D]`."""
    distances = quantizers.squared_distances(residuals, codebook)
    plan = sinkhorn(
      centre_distances(distances),
      epsilon=self.epsilon,
      iterations=self.iterations,
    )
    return quantizers.first_minimum(-plan)
