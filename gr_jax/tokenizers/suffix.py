"""A running number as one more code, so that items with equal codes differ.

An ID that ended early (-1) was made to be shared: a number behind the end would
undo it, so its items stay together [OURS].
"""

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


def append_suffix(
  ids: SemanticIds, new_codes: np.ndarray, *, priority: np.ndarray
) -> SemanticIds:
  """Appends items to IDs of `add_suffix`: each bucket's next free numbers.

  Args:
    ids: The IDs that were given out; none of them changes.
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
