"""Random tables of sorted, distinct semantic IDs."""

import numpy as np


def random_ids(
  rng: np.random.Generator,
  level_sizes: tuple[int, ...],
  count: int,
  *,
  has_ends: bool,
) -> np.ndarray:
  """`[R, L]` int32 with `1 <= R <= count`; some end early if `has_ends`."""
  ids = rng.integers(0, level_sizes, (count, len(level_sizes)))
  if has_ends:
    length = rng.integers(1, len(level_sizes) + 1, count)
    length[0] = 1
    ids[np.arange(len(level_sizes)) >= length[:, None]] = -1
  return np.unique(ids, axis=0).astype(np.int32)
