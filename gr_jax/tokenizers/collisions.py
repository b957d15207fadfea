"""What to do with items whose codes are equal.

Each policy takes codes `[N, L]` and level sizes and gives `SemanticIds`:
leave the items together, number them (TIGER), or move some of them (LC-Rec).
An ID that ended early (-1) was made to be shared: its items stay together under
every policy (our design; a number behind the end would undo it).
"""

import functools
import math
from collections.abc import Sequence

import jax
import numpy as np

from gr_jax.tokenizers import semantic_ids, sinkhorn
from gr_jax.tokenizers.semantic_ids import SemanticIds

BALANCED = sinkhorn.SinkhornCode()


def leave_clusters(
  codes: np.ndarray, level_sizes: Sequence[int]
) -> SemanticIds:
  """Items with equal codes share an ID (CQ-SID needs no uniqueness)."""
  return SemanticIds(codes, tuple(level_sizes))


def number_in_bucket(bucket: np.ndarray, priority: np.ndarray) -> np.ndarray:
  """Running number `[N]` of each item in its bucket, high priority first.

  Ties go to the earlier row.
  """
  order = np.lexsort((np.arange(len(bucket)), -priority, bucket))
  ordered = bucket[order]
  starts_mask = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
  position = np.arange(len(ordered))
  start = np.maximum.accumulate(np.where(starts_mask, position, 0))
  number = np.empty(len(bucket), np.int32)
  number[order] = position - start
  return number


def add_suffix(
  codes: np.ndarray,
  level_sizes: Sequence[int],
  *,
  priority: np.ndarray,
  headroom: float = 2.0,
) -> SemanticIds:
  """One more level: the running number inside the bucket (TIGER, 3.1).

  Args:
    codes: `[N, L]`.
    level_sizes: of the L levels.
    priority: `[N]`; the highest of a bucket gets number 0 (our design: give
      the popularity, so that the common case is the same code everywhere).
    headroom: the new level holds this many times the largest bucket, so that
      items can be appended without a new vocabulary (our design).

  Returns:
    IDs of L + 1 levels, unique but for those that ended early.
  """
  codes, level_sizes = np.asarray(codes), tuple(level_sizes)
  _, bucket = semantic_ids.distinct_rows(codes, level_sizes)
  number = number_in_bucket(bucket, np.asarray(priority, np.float64))
  number[codes[:, -1] < 0] = -1
  size = math.ceil((int(number.max(initial=0)) + 1) * headroom)
  return SemanticIds(np.column_stack([codes, number]), (*level_sizes, size))


def append_suffix(
  ids: SemanticIds, new_codes: np.ndarray, *, priority: np.ndarray
) -> SemanticIds:
  """Appends items to IDs of `add_suffix`: each bucket's next free numbers.

  Args:
    ids: what was given out; no row of it changes.
    new_codes: `[n, L]`, without the suffix.
    priority: `[n]`, order among the new items of a bucket.

  Raises:
    ValueError: a bucket outgrows the suffix level.
  """
  new_codes, old = np.asarray(new_codes), len(ids)
  sizes = ids.level_sizes[:-1]
  _, bucket = semantic_ids.distinct_rows(
    np.vstack([ids.codes[:, :-1], new_codes]), sizes
  )
  used = np.zeros(int(bucket.max(initial=0)) + 1, np.int32)
  np.maximum.at(used, bucket[:old], ids.codes[:, -1] + 1)
  number = used[bucket[old:]] + number_in_bucket(
    bucket[old:], np.asarray(priority, np.float64)
  )
  number[new_codes[:, -1] < 0] = -1
  room = ids.level_sizes[-1]
  if number.max(initial=0) >= room:
    row = int(np.argmax(number))
    raise ValueError(
      f"the bucket {new_codes[row].tolist()} would hold "
      f"{int(number[row]) + 1} items, its suffix level only {room}; fit the "
      "IDs anew with a larger `headroom`."
    )
  return ids.append(np.column_stack([new_codes, number]))


def sinkhorn_reassign(
  codes: np.ndarray,
  level_sizes: Sequence[int],
  *,
  residuals: np.ndarray,
  codebook: np.ndarray,
  rounds: int = 20,
  assign: sinkhorn.SinkhornCode = BALANCED,
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
