"""Moves items that share an ID at the last level (LC-Rec).

IDs that ended early (-1) were made to be shared and stay [OURS].
"""

import functools
from collections.abc import Sequence

import jax
import numpy as np

from gr_jax.tokenizers import semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.sinkhorn import SinkhornCode

BALANCED = SinkhornCode()


def sinkhorn_reassign(
  codes: np.ndarray,
  level_sizes: Sequence[int],
  *,
  residuals: np.ndarray,
  codebook: np.ndarray,
  rounds: int = 20,
  assign: SinkhornCode = BALANCED,
) -> SemanticIds:
  """Moves colliding items at the last level (LC-Rec, at most 20 rounds).

  In each round every group of items with one ID chooses its last codes from
  the balanced plan of the group. Items with identical residuals stay together.

  Args:
    codes: `[N, L]`.
    level_sizes: of the L levels.
    residuals: `[N, D]`, what the last level quantizes.
    codebook: `[C_L, D]` of the last level.
    rounds: at most; stops when no two items share an ID.
    assign: the balanced choice.
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
      found = _assign_groups(residuals[rows], codebook, mask, assign)
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
  widths = np.array([_power_of_two(count) for count in counts], int)
  groups = []
  colliding = counted & (counts > 1)
  for width in np.unique(widths[colliding]):
    chosen = np.flatnonzero((widths == width) & colliding)
    rows = np.full((_power_of_two(len(chosen)), width), -1)
    slots = np.arange(width) < counts[chosen][:, None]
    places = starts[chosen][:, None] + np.arange(width)
    rows[: len(chosen)][slots] = order[places[slots]]
    groups.append(rows)
  return groups


def _power_of_two(count: int) -> int:
  """The least one from `count` on."""
  return 1 << max(int(count) - 1, 0).bit_length()


@functools.partial(jax.jit, static_argnames="assign")
def _assign_groups(residuals, codebook, mask, assign):
  """Codes `[G, s]` of groups `[G, s, D]`."""
  return assign(residuals, codebook, where=mask)
