"""Balanced soft assignment by Sinkhorn's iterations (LC-Rec, arXiv 2311.09049).

    Q = exp(-d / eps);  repeat: columns to B / C, rows to 1

Works on logarithms: with eps = 0.003 the exponentials leave float32. LC-Rec
balances the last level in training (`SinkhornCode`) and moves items that still
share an ID (`reassign`).
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering.nearest import first_minimum, squared_distances
from gr_jax.data.batches import power_of_two
from gr_jax.tokenizers import semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds


def center_distances(
  distances: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
  """Distances `[..., B, C]` shifted and scaled to [-1, 1] (LC-Rec).

  Rows that the mask `where` `[..., B]` leaves out do not set the scale.
  """
  mask = True if where is None else where[..., None]
  axes = {"axis": (-2, -1), "keepdims": True, "where": mask}
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

  The rows hold exactly (they are normalized last), the columns in the limit.
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
    distances = squared_distances(residuals, codebook)
    plan = sinkhorn(
      center_distances(distances, where=where),
      epsilon=self.epsilon,
      iterations=self.iterations,
      where=where,
    )
    return first_minimum(-plan)


_balanced_codes = jax.jit(SinkhornCode())


def reassign(
  codes: np.ndarray,
  level_sizes: Sequence[int],
  *,
  residuals: np.ndarray,
  codebook: jax.Array | np.ndarray,
  rounds: int = 20,
) -> SemanticIds:
  """Moves colliding items at the last level (LC-Rec, at most 20 rounds).

  In each round every group of items with one ID chooses its last codes from
  the balanced plan of the group. Items with identical residuals stay together,
  and those whose ID ended early (-1), which was made to be shared [OURS].

  Args:
    codes: `[N, L]`.
    level_sizes: Codes per level, L numbers.
    residuals: `[N, D]`, the vectors that the last level quantizes.
    codebook: `[C_L, D]` of the last level.
    rounds: at most; stops when no two items share an ID.
  """
  codes, level_sizes = np.array(codes, np.int32), tuple(level_sizes)
  residuals = np.asarray(residuals, np.float32)
  for _ in range(rounds):
    _, bucket = semantic_ids.distinct_rows(codes, level_sizes)
    groups = _colliding_groups(bucket, where=codes[:, -1] >= 0)
    if not groups:
      break
    for rows in groups:
      mask = rows >= 0
      found = _balanced_codes(residuals[rows], codebook, where=mask)
      codes[rows[mask], -1] = np.asarray(found)[mask]
  return SemanticIds(codes, level_sizes)


def _colliding_groups(
  bucket: np.ndarray, *, where: np.ndarray
) -> list[np.ndarray]:
  """Rows of the buckets of 2 or more, by size: each `[G, s]`, padded with -1.

  Only buckets of rows `where` `[N]`. G and s are powers of two, so that there
  are few shapes to compile.
  """
  counts = np.bincount(bucket)
  counted = np.zeros(len(counts), bool)
  counted[bucket[where]] = True
  order = np.argsort(bucket, kind="stable")
  starts = np.cumsum(counts) - counts
  widths = np.array([power_of_two(count) for count in counts], int)
  groups = []
  colliding = counted & (counts > 1)
  for width in np.unique(widths[colliding]):
    chosen = np.flatnonzero((widths == width) & colliding)
    rows = np.full((power_of_two(len(chosen)), width), -1)
    slots = np.arange(width) < counts[chosen][:, None]
    places = starts[chosen][:, None] + np.arange(width)
    rows[: len(chosen)][slots] = order[places[slots]]
    groups.append(rows)
  return groups
