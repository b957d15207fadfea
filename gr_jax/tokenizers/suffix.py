"""One more code for items with equal codes: a running number, or a group.

An ID that ended early (-1) was made to be shared: a code behind the end would
undo it, so its items stay together [OURS].
"""

import collections
import math
from collections.abc import Sequence

import numpy as np

from gr_jax.tokenizers import semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds


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
    level_sizes: Codes per level, L numbers.
    priority: `[N]`; the highest of a bucket gets number 0 ([OURS]: give
      the popularity, so that the common case is the same code everywhere).
    headroom: the new level holds this many times the largest bucket, so that
      items can be appended without a new vocabulary [OURS].

  Returns:
    IDs of L + 1 levels, unique but for those that ended early.
  """
  codes, level_sizes = np.asarray(codes), tuple(level_sizes)
  _, bucket = semantic_ids.distinct_rows(codes, level_sizes)
  number = number_in_bucket(bucket, np.asarray(priority, np.float64))
  number[codes[:, -1] < 0] = -1
  size = math.ceil((int(number.max(initial=0)) + 1) * headroom)
  return SemanticIds(np.column_stack([codes, number]), (*level_sizes, size))


def append_suffix(ids: SemanticIds, new_codes: np.ndarray) -> SemanticIds:
  """Appends items to IDs of `add_suffix`: each bucket's next free numbers.

  Numbers go up; where a bucket has none above its largest, those that its items
  do not have any more are given again, the lowest first.

  Args:
    ids: The IDs that were given out; none of them changes.
    new_codes: `[n, L]`, without the suffix.

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
    bucket[old:], np.zeros(len(new_codes))
  )
  number[new_codes[:, -1] < 0] = -1
  room = ids.level_sizes[-1]
  for row in np.flatnonzero(number >= room):
    of_bucket = bucket == bucket[old + row]
    taken = np.append(ids.codes[:, -1], number)[of_bucket]
    free = np.setdiff1d(np.arange(room), taken)
    if not len(free):
      raise ValueError(
        f"the bucket {new_codes[row].tolist()} would hold {room + 1} items, "
        f"its suffix level only {room}; fit the IDs anew with a larger "
        "`headroom`."
      )
    number[row] = free[0]
  return ids.append(np.column_stack([new_codes, number]))


def split_large_clusters(
  codes: np.ndarray,
  level_sizes: tuple[int, ...],
  *,
  max_items: int = 50,
  max_groups: int = 100,
  seed: int = 0,
) -> SemanticIds:
  """Splits large clusters of items that share an ID (CQ-SID, Algorithm 1).

      for every ID with c > T_max items: G = min(ceil(c / T_max), G_max);
      shuffle its items, deal them into groups g = 0 .. G-1

  No group exceeds `ceil(c / G)` items. The paper writes the group into the last
  code, `s_3 * 1000 + g`. That makes a vocabulary of 1000 C_3 codes of which
  almost none occur. Here g is one more level of size G_max instead [OURS]: the
  same IDs, a compact vocabulary, and the (s_1, s_2, s_3) of an item untouched.
  """
  codes, level_sizes = np.asarray(codes), tuple(level_sizes)
  _, bucket = semantic_ids.distinct_rows(codes, level_sizes)
  counts = np.bincount(bucket)
  dealt = np.maximum(np.minimum(-(-counts // max_items), max_groups), 1)
  rng = np.random.default_rng(seed)
  groups = number_in_bucket(bucket, rng.random(len(bucket))) % dealt[bucket]
  groups[codes[:, -1] < 0] = -1
  return SemanticIds(
    np.column_stack([codes, groups]), (*level_sizes, max_groups)
  )


def append_to_clusters(
  ids: SemanticIds, new_codes: np.ndarray, *, max_items: int = 50
) -> SemanticIds:
  """Appends items to IDs of `split_large_clusters`; no old ID moves.

  A new item joins the smallest group of its cluster; when that holds
  `max_items` already and the level has room, it opens the next group.
  """
  max_groups = ids.level_sizes[-1]
  members = collections.defaultdict(lambda: np.zeros(max_groups, int))
  for row, count in zip(ids.ids, np.diff(ids.item_offsets)):
    if row[-1] >= 0:
      members[tuple(row[:-1])][row[-1]] = count
  groups = np.full(len(new_codes), -1, np.int32)
  for at, row in enumerate(np.asarray(new_codes)):
    if row[-1] < 0:
      continue
    sizes = members[tuple(row)]
    opened = np.count_nonzero(sizes)
    group = int(np.argmin(sizes[: max(opened, 1)]))
    if sizes[group] >= max_items and opened < max_groups:
      group = opened
    sizes[group] += 1
    groups[at] = group
  return ids.append(np.column_stack([new_codes, groups]))
