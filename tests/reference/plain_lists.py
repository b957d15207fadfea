"""Lists of a test as `RowLists`."""

from collections.abc import Iterable, Sequence

import numpy as np

from gr_jax.data.row_lists import RowLists, offsets_of


def from_lists(lists: Iterable[Sequence[int]]) -> RowLists:
  """Flattens ordinary lists."""
  arrays = [np.asarray(one, np.int64) for one in lists]
  rows = np.concatenate([np.zeros(0, np.int64), *arrays])
  return RowLists(offsets_of([len(one) for one in arrays]), rows)
