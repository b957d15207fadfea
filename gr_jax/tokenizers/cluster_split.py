"""Splits large clusters of items that share an ID (CQ-SID, Algorithm 1).

    for every ID with c > T_max items: G = min(ceil(c / T_max), G_max);
    shuffle its items, deal them into groups g = 0 .. G-1

The paper writes the group into the last code, `s_3 * 1000 + g`. That makes a
vocabulary of 1000 C_3 codes of which almost none occur. Here g is one more
level of size G_max instead [OURS]: the same IDs, a compact vocabulary, and the
(s_1, s_2, s_3) of an item untouched. IDs that ended early (-1) are not split;
see `suffix`.
"""

import numpy as np

from gr_jax.tokenizers import semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.suffix import number_in_bucket


def deal_groups(
  bucket: np.ndarray,
  *,
  max_items: int,
  max_groups: int,
  rng: np.random.Generator,
) -> np.ndarray:
  """Group `[N]` int32 of each item inside its bucket (Algorithm 1).

  No group exceeds `ceil(c / G)` items; that is `max_items` at most while
  `c <= max_items * max_groups`. A small bucket is one group, 0.
  """
  counts = np.bincount(bucket)
  groups = np.minimum(-(-counts // max_items), max_groups)
  shuffled = number_in_bucket(bucket, rng.random(len(bucket)))
  return (shuffled % np.maximum(groups, 1)[bucket]).astype(np.int32)


def split_large_clusters(
  codes: np.ndarray,
  level_sizes: tuple[int, ...],
  *,
  max_items: int = 50,
  max_groups: int = 100,
  seed: int = 0,
) -> SemanticIds:
  """IDs of one more level, the group, of size `max_groups` [OURS]."""
  level_sizes = tuple(level_sizes)
  _, bucket = semantic_ids.distinct_rows(codes, level_sizes)
  groups = deal_groups(
    bucket,
    max_items=max_items,
    max_groups=max_groups,
    rng=np.random.default_rng(seed),
  )
  groups[np.asarray(codes)[:, -1] < 0] = -1
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
  members: dict[tuple[int, ...], np.ndarray] = {}
  max_groups = ids.level_sizes[-1]
  for row, count in zip(ids.ids, np.diff(ids.item_offsets)):
    if row[-1] < 0:
      continue
    sizes = members.setdefault(tuple(row[:-1]), np.zeros(max_groups, int))
    sizes[row[-1]] = count
  chosen = []
  for row in np.asarray(new_codes):
    if row[-1] < 0:
      chosen.append(-1)
      continue
    sizes = members.setdefault(tuple(row), np.zeros(max_groups, int))
    group = _smallest_group(sizes, max_items=max_items)
    sizes[group] += 1
    chosen.append(group)
  groups = np.asarray(chosen, np.int32)
  return ids.append(np.column_stack([new_codes, groups]))


def _smallest_group(sizes: np.ndarray, *, max_items: int) -> int:
  opened = int(np.count_nonzero(sizes))
  if opened == 0:
    return 0
  smallest = int(np.argmin(sizes[:opened]))
  if sizes[smallest] >= max_items and opened < len(sizes):
    return opened
  return smallest
