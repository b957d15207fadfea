"""Balanced soft assignment by Sinkhorn's iterations (LC-Rec, last level).

    Q = exp(-d / eps);  repeat: columns to B / C, rows to 1

Works on logarithms: with eps = 0.003 the exponentials leave float32.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.tokenizers import quantizers


def centre_distances(
  distances: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
  """Distances `[..., B, C]` shifted and scaled to [-1, 1] (LC-Rec).

  Rows that the mask `where` `[..., B]` leaves out do not set the scale.
  """
  where = True if where is None else where[..., None]
  axes = {"axis": (-2, -1), "keepdims": True, "where": where}
  high = jnp.max(distances, initial=-jnp.inf, **axes)
  low = jnp.min(distances, initial=jnp.inf, **axes)
  middle, half = (high + low) / 2, (high - low) / 2
  return (distances - middle) / jnp.maximum(half, 1e-5)


def sinkhorn(
  distances: jax.Array,
  *,
  epsilon: float = 0.003,
  iterations: int = 50,
  where: jax.Array | None = None,
) -> jax.Array:
  """The plan Q `[..., B, C]`: rows sum to 1, columns to B / C.

  The rows hold exactly (they are normalised last), the columns in the limit.
  Rows that the mask `where` `[..., B]` leaves out do not count in B, and their
  part of Q means nothing.
  """
  where = jnp.ones(distances.shape[:-1], bool) if where is None else where
  where = where[..., None]
  share = jnp.log(jnp.sum(where, axis=-2, keepdims=True) / distances.shape[-1])
  log_q = -distances.astype(jnp.float32) / epsilon

  def step(_, log_q):
    log_q += share - jax.nn.logsumexp(
      log_q, axis=-2, keepdims=True, where=where
    )
    return log_q - jax.nn.logsumexp(log_q, axis=-1, keepdims=True)

  return jnp.exp(jax.lax.fori_loop(0, iterations, step, log_q))


@dataclasses.dataclass(frozen=True)
class SinkhornCode:
  """Chooses each row's code from the balanced plan of its batch."""

  epsilon: float = 0.003
  iterations: int = 50

  def __call__(
    self,
    residuals: jax.Array,
    codebook: jax.Array,
    *,
    where: jax.Array | None = None,
  ) -> jax.Array:
    """Codes `[..., B]` of residuals `[..., B, D]` for codebook `[C, D]`.

    Rows that the mask `where` `[..., B]` leaves out change no other's code.
    """
    distances = quantizers.squared_distances(residuals, codebook)
    plan = sinkhorn(
      centre_distances(distances, where=where),
      epsilon=self.epsilon,
      iterations=self.iterations,
      where=where,
    )
    return quantizers.first_minimum(-plan)
